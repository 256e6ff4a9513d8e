#include "stages/memory.h"

#include <unistd.h>

#include <fstream>
#include <string>

namespace flash {

double available_memory() {
  std::ifstream facts("/proc/meminfo");  // Linux has it; elsewhere all there is has to do
  for (std::string name; facts >> name; facts.ignore(80, '\n')) {
    double kilobytes = 0;
    if (name == "MemAvailable:" && facts >> kilobytes) return kilobytes * 1024;
  }
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace flash
