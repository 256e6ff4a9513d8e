// What the Flash-Decoding post published (pytorch.org/blog/flash-decoding, an A100, FP16): one
// query a sequence, 16 heads on 2 key heads, d = 128.
#pragma once

namespace flash {

struct PublishedDecoding {
  int batch, keys;
  double flash_attention_2, flash_decoding;  // microseconds
};

inline constexpr PublishedDecoding published_decodings[] = {{256, 256, 390.5, 63.4},
                                                            {8, 8192, 529.2, 56.4},
                                                            {4, 16384, 582.7, 58.2},
                                                            {1, 65536, 2300.6, 64.4},
                                                            {1, 131072, 4592.2, 106.6}};

}  // namespace flash
