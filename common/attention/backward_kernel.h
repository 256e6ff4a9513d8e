// What a stage's backward.h includes: what a kernel of the forward pass does, and the gradients.
#pragma once

#include "attention/gradients.h"
#include "attention/kernel.h"
