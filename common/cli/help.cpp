#include "cli/help.h"

#include "bench/machine.h"
#include "tile/cpu/simd/simd.h"

namespace flash {

std::string help_text() {
  return R"(FlashAttention, rebuilt one idea at a time: run, check and measure its stages.

usage: ladder COMMAND [OPTIONS]

  run               check every stage against the reference, then measure it
  test [STAGE]      all tests, or those of one stage or step (04/2);
                    --verbose: all failures
  bench [GROUP]     speed beside the machine's peaks, what is compared in turns
  diff STAGE [N]    its steps from the stage before, or the N-th as a diff;
                    --mine: from your exercise, once it passes (or --spoil)
  list              the stages, their steps and ideas, and your progress

  start STAGE       write the kernel yourself: NN_stage/exercise/attention.h
  check STAGE       is what I wrote right? --watch: again whenever it is saved
  hint STAGE N      the next of three hints for region N
  predict STAGE     your guess of its traffic, compared when the stage passes
  reset STAGE       begin anew; what is there is kept under another name

  mistakes [STAGE]  kernels with a mistake each, and what is said of them
  timeline STAGE    what a modelled GPU makes of it, unit by unit
  experiment NAME   error_growth, cpu_tile, pipeline, gpu, gpu_backward,
                    fp8_error, fp8_accumulator, steps or decode
  report            run, and write what came out as a page for a browser
  docs [--check]    write the measured numbers into the pages, or compare them
  --help, -h        this text; every command has its own
  --version         version, instruction set, compiler

A stage is named by any unique beginning: 03.

examples:
  ladder run                                     real queries, keys, values
  ladder run --stage 03 --seqlen-q 4096          one stage, generated inputs
  ladder run --stage 04 --steps                  and the steps that lead to it
  ladder run --causal --heads 8 --kv-heads 2 --dtype bf16 --profile

exit status: 0 all checks passed, 1 a check failed, 2 bad input
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
