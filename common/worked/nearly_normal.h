// Random numbers that are the same with every standard library.
#pragma once

namespace flash {

// Nearly normal, of mean 0 and variance 1: a sum of twelve.
template <class Engine>
double nearly_normal(Engine& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += static_cast<double>(random()) / static_cast<double>(Engine::max());
  return sum;
}

}  // namespace flash
