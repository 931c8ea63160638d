// dump_histories TARGET: writes the histories of all instances, as {"ID": [event, ...], ...}.

#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    struct pawl *pawl;
    if (pawl_open(argc > 1 ? argv[1] : NULL, NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    char *token = NULL, *ids[16], *json;
    size_t count, total = 0;
    printf("{");
    do {
        if (pawl_list(pawl, &token, ids, 16, &count)) return pawl_perror("pawl_list"), 1;
        for (size_t i = 0; i < count; i++) {
            if (pawl_history(pawl, ids[i], &json)) return pawl_perror("pawl_history"), 1;
            printf("%s\"%s\": %s", total++ ? ",\n" : "", ids[i], json);
            free(json);
            free(ids[i]);
        }
    } while (token);
    printf("}\n");
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
