// Compiled once per stage, whose folder (or a solution's) is then the first include path.
#include "attention.h"
