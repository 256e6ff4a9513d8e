#include "report/machine.h"

#include <nlohmann/json.hpp>

#include "report/units.h"

namespace flash {
namespace {

std::string size_text(std::int64_t bytes) {
  if (bytes <= 0) return "unknown size";
  constexpr std::int64_t mib = 1 << 20;
  return bytes < mib ? kib_text(static_cast<double>(bytes)) : std::to_string(bytes / mib) + " MiB";
}

}  // namespace

std::string machine_text(const Machine& m, int threads) {
  return m.cpu + ", " + std::to_string(threads) + " of " + std::to_string(m.cores) + " cores, " +
         m.simd + ", caches of " + size_text(m.caches.l1) + ", " + size_text(m.caches.l2) +
         " and " + size_text(m.caches.l3) + ", " + m.compiler + " " + m.flags + ", " + m.date;
}

nlohmann::ordered_json to_json(const Machine& m) {
  return {{"cpu", m.cpu},
          {"cores", m.cores},
          {"simd", m.simd},
          {"compiler", m.compiler},
          {"flags", m.flags},
          {"date", m.date},
          {"l1d_bytes", m.caches.l1},
          {"l2_bytes", m.caches.l2},
          {"l3_bytes", m.caches.l3}};
}

}  // namespace flash
