// Compiled once per stage, whose folder (or a solution's) is then the first include path.
#define ATTENTION_REGISTERS
#include "attention.h"
