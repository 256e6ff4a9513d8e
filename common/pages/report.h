// `ladder report`: a run as one page for a browser.
#pragma once

#include "cli/cli.h"

namespace flash {

Command report_command;

}  // namespace flash
