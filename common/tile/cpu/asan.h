// Whether this is compiled for the address sanitizer.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define TILE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TILE_ASAN 1
#endif
#endif

#ifndef TILE_ASAN
#define TILE_ASAN 0
#endif

namespace tile::cpu {

inline constexpr bool has_asan = TILE_ASAN;

}  // namespace tile::cpu
