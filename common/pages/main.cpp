// The program behind `ladder docs`.
#include "pages/docs.h"

int main(int argc, char** argv) {
  return flash::run_program(flash::docs_command, argc, argv);
}
