// How much of the machine's memory a problem may take.
#pragma once

namespace flash {

// Bytes that can be allocated without swapping, caches that the system would give up included.
double available_memory();

}  // namespace flash
