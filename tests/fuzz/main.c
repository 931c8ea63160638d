// Runs a target with each file that is named, or is in a folder that is named.

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "fuzz.h"

static unsigned main_count;

static void main_run(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    struct pawl_buf bytes = {0};
    char part[4096];
    for (size_t len; (len = fread(part, 1, sizeof part, file)) > 0;)
        pawl__buf_append(&bytes, part, len);
    fclose(file);
    printf("%s\n", path);
    fflush(stdout); // before the crash, if it is one
    struct pawl_str input = fuzz_copy(pawl__buf_str(&bytes));
    LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len);
    free((char *)input.data);
    pawl__buf_finish(&bytes);
    main_count++;
}

static void main_walk(const char *path) {
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) {
        if (errno == ENOTDIR) main_run(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') main_walk(inner);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) main_walk(argv[i]);
    printf("%u inputs\n", main_count);
    return main_count ? 0 : 1;
}
