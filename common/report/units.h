// Numbers as people read them, in at most seven characters.
#pragma once

#include <string>

namespace flash {

std::string bytes_text(double bytes);       // "12.3 MB"; 1 MB = 10^6 bytes
std::string kib_text(double bytes);         // "144 KiB"; 1 KiB = 1024 bytes
std::string seconds_text(double seconds);   // "12.3 ms"
std::string count_text(double count);       // "12.3 G"
std::string rate_text(double rate);         // "123.4"
std::string percent_text(double fraction);  // "92.1%"
std::string error_text(double error);       // "1.2e-6"

}  // namespace flash
