#include "cli/help.h"

#include "report/machine.h"
#include "tile/cpu/simd/simd.h"

namespace flash {

std::string help_text() {
  return R"(FlashAttention, rebuilt one idea at a time: run, check and measure its stages.

usage: ladder COMMAND [OPTIONS]

  run               check every stage against the reference, then measure it
  test [STAGE]      all tests, or those of one stage
  list              the stages and their ideas
  experiment NAME   error_growth, pipeline, fp8_error or decode: measure again
  docs [--check]    write the measured numbers into the pages, or compare them
  --help, -h        this text; ladder run --help, ladder experiment --help
  --version         version, instruction set, compiler

examples:
  ladder run                                     real queries, keys, values
  ladder run --stage 03_v2 --seqlen-q 4096       one stage, generated inputs
  ladder run --causal --heads 8 --kv-heads 2 --dtype bf16 --profile

exit status: 0 all checks passed, 1 a check failed, 2 bad input
)";
}

std::string run_help_text() {
  return R"(usage: ladder run [OPTIONS]

Checks every stage against the reference in double precision, then measures it.
Without options that state a problem it runs common/data/minilm_512.safetensors:
queries, keys and values of a trained model.

what to run:
  --stage STAGE       only this stage; may be repeated
  --device DEVICE     cpu
  --gpu GPU           whose on-chip memory a kernel must fit in: a100, h100
                      (default) or h200
  --threads N         default: all cores
  --checked           report misuse of on-chip memory and of barriers; slow
  --schedules N       so, with the roles of a block in N different orders
  --runs N            timed runs; default: as many as fit in half a second

a generated problem (any of these asks for one):
  --batch N           sequences (1)
  --heads N           query heads (4)
  --kv-heads N        heads of K and V, a divisor of --heads (as many)
  --seqlen-q N        queries of a sequence (1024)
  --seqlen-k N        keys of a sequence (as many as queries)
  --head-dim N        1 to 256 (64)
  --dtype DTYPE       f32 (default), bf16 or f16
  --causal            query i sees keys up to i + seqlen_k - seqlen_q
  --seed N            of the random numbers (0)

files:
  --input FILE        safetensors with q, k, v; cu_seqlens_q and cu_seqlens_k if
                      packed; goes with --causal, not with the options above
  --output FILE       safetensors with o and lse; needs exactly one --stage
  --json FILE         the results for programs

what to print:
  --profile           HBM traffic by tensor, and the work on chip, of each stage
  --help, -h          this text
)";
}

std::string version_text() {
#if defined(NDEBUG)
  const std::string build = "release";
#else
  const std::string build = "debug";
#endif
  return "ladder " ATTENTION_VERSION ", " + std::string(tile::cpu::simd_name) + ", " +
         this_machine().compiler + ", " + build + " build\n";
}

}  // namespace flash
