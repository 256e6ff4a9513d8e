// How the compiler says that an operation is used with tiles that do not fit.
//
// GCC prints the characters of a template's argument, so the message is the name of a type:
// "mma_AB: O is Accumulator 128 x 64, P is Operand 128 x 32, ...". Clang prints the tiles' types
// instead.
#pragma once

#include <algorithm>
#include <cstddef>

namespace tile {

template <std::size_t Size>
struct Text {
  char characters[Size]{};

  constexpr Text() = default;
  constexpr Text(const char (&text)[Size]) { std::copy_n(text, Size, characters); }
};

template <std::size_t A, std::size_t B>
constexpr Text<A + B - 1> operator+(const Text<A>& a, const Text<B>& b) {
  Text<A + B - 1> both;
  std::copy_n(a.characters, A - 1, both.characters);
  std::copy_n(b.characters, B, both.characters + A - 1);
  return both;
}
template <std::size_t A, std::size_t B>
constexpr auto operator+(const Text<A>& a, const char (&b)[B]) {
  return a + Text<B>(b);
}
template <std::size_t A, std::size_t B>
constexpr auto operator+(const char (&a)[A], const Text<B>& b) {
  return Text<A>(a) + b;
}

template <int Number>
constexpr auto digits() {
  if constexpr (Number < 10) {
    return Text<2>({'0' + Number, '\0'});
  } else {
    return digits<Number / 10>() + digits<Number % 10>();
  }
}

// "Operand 128 x 32"
template <class Tile>
inline constexpr auto shape_of = [] {
  if constexpr (requires { Tile::kind; })
    return Tile::kind + " " + digits<Tile::rows>() + " x " + digits<Tile::cols>();
  else
    return Text("no tile");
}();

// Never defined: its argument is the message.
template <Text message>
struct the_tiles_do_not_fit;

// `fit`, once the compiler has got past it: what an operation does with its tiles depends on it, so
// that nothing else is reported.
template <bool fit, Text message>
constexpr bool require_that_tiles_fit() {
  if constexpr (!fit) {
#if defined(__clang__)
    static_assert(fit, "the tiles of this operation do not fit: see tile/README.md");
#endif
    the_tiles_do_not_fit<message> _;
  }
  return fit;
}

}  // namespace tile
