// dump_histories TARGET: writes the histories of all instances, as {"ID": [event, ...], ...}.

#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    struct pawl *pawl;
    if (pawl_open(argc > 1 ? argv[1] : NULL, NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    struct pawl_page *page = NULL;
    size_t total = 0;
    char *json;
    printf("{");
    for (;;) {
        if (pawl_list(pawl, NULL, &page)) return pawl_perror("pawl_list"), 1;
        if (!page) break;
        for (size_t i = 0; i < page->count; i++) {
            const char *id = page->items[i].id;
            if (pawl_history(pawl, id, &json)) return pawl_perror("pawl_history"), 1;
            printf("%s\"%s\": %s", total++ ? ",\n" : "", id, json);
            free(json);
        }
    }
    printf("}\n");
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
