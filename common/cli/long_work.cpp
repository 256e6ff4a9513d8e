#include "cli/long_work.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "attention/tensors.h"
#include "report/units.h"
#include "stages/memory.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

void require_writable(const std::string& option, const std::string& file, bool device_allowed) {
  if (file.empty()) return;
  std::error_code ignored;
  const fs::path folder = fs::path(file).has_parent_path() ? fs::path(file).parent_path() : ".";
  const fs::file_status status = fs::status(file, ignored);
  const bool suitable = !fs::exists(status) || fs::is_regular_file(status) ||
                        (device_allowed && !fs::is_directory(status));
  const bool writable =
      fs::exists(status) ? access(file.c_str(), W_OK) == 0 : access(folder.c_str(), W_OK) == 0;
  if (!suitable || !writable || !fs::is_directory(folder, ignored))
    throw BadInput(option + ": '" + file +
                   "' cannot be written, expected a file in a folder that may be written");
}

}  // namespace

void require_writable(const std::string& output, const std::string& json) {
  require_writable("--output", output, false);
  require_writable("--json", json, true);
  if (json.empty() || output.empty()) return;
  const auto canonical = [](const std::string& file) {
    return fs::weakly_canonical(fs::absolute(file));
  };
  if (canonical(json) == canonical(output))
    throw BadInput("--json: '" + json + "' is --output, too, expected another file");
}

void require_memory_for_tensors(const Problem& p) {
  const auto elements = static_cast<double>(2 * q_elements(p) + 2 * k_elements(p));
  const double needed =
      elements * size_in_bytes(p.dtype) + 4.0 * static_cast<double>(lse_elements(p));
  const double available = available_memory();
  if (needed <= available) return;
  throw BadInput("the problem: q, k, v, o and lse need " + bytes_text(needed) +
                 ", expected at most the " + bytes_text(available) +
                 " of memory that are available");
}

void write_json(const std::string& option, const std::string& file,
                const nlohmann::ordered_json& json) {
  std::ofstream stream(file);
  stream << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n"
         << std::flush;
  if (!stream) throw BadInput(option + ": '" + file + "' cannot be written, expected room for it");
}

}  // namespace flash
