#include "cli/command.h"

int main(int argc, char **argv) {
    return pawl__cli_main(argc, argv);
}
