#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>

// show_history TARGET ID: prints the history of an instance as JSON; nothing when there is none.

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: show_history TARGET ID\n"), 2;
    struct pawl *pawl;
    char *json;
    if (pawl_open(argv[1], NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    enum pawl_err err = pawl_history(pawl, argv[2], &json);
    if (!err) puts(json);
    free(json);
    if (err && err != PAWL_E_NOT_FOUND) pawl_perror("pawl_history");
    return pawl_close(pawl) || (err && err != PAWL_E_NOT_FOUND);
}
