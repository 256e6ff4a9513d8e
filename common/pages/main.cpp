// The program behind `ladder docs` and `ladder report`.
#include "pages/docs.h"
#include "pages/report.h"

namespace {

int pages_command(const flash::Arguments& arguments, const flash::Environment& environment) {
  const std::string name = arguments.empty() ? "" : arguments.front();
  const flash::Arguments rest(arguments.begin() + !arguments.empty(), arguments.end());
  if (name == "docs") return flash::docs_command(rest, environment);
  if (name == "report") return flash::report_command(rest, environment);
  throw flash::BadInput("'" + name +
                        "': is not a command of this program, expected docs or report");
}

}  // namespace

int main(int argc, char** argv) {
  return flash::run_program(pages_command, argc, argv);
}
