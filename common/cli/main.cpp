// The program behind `ladder`.
#include "cli/cli.h"

int main(int argc, char** argv) {
  return flash::run_program(flash::run_cli, argc, argv);
}
