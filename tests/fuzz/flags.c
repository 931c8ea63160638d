// A command line: arguments divided by line ends.

#include <unistd.h>

#include "cli/flags.h"
#include "fuzz.h"

static const struct pawl_flag flags_table[] = {
    {"app-id", 'a', PAWL_FLAG_TEXT, NULL, "text"},
    {"enable", 'e', PAWL_FLAG_BOOL, "false", "truth"},
    {"count", 'c', PAWL_FLAG_INT, "3", "number"},
    {"app-port", 'p', PAWL_FLAG_PORT, "0", "port"},
    {"resources-path", 'd', PAWL_FLAG_LIST, NULL, "list"},
    {"max-body", 0, PAWL_FLAG_SIZE, "4Mi", "size"},
    {"placement", 0, PAWL_FLAG_UNUSED, NULL, "nothing"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

enum {
    FLAGS_ARGUMENTS = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    bool stops = fuzz_byte(&input) & 1;
    struct pawl_str text = fuzz_take(&input, SIZE_MAX);
    char *argv[FLAGS_ARGUMENTS + 1] = {NULL};
    int argc = 0;
    while (text.data && argc < FLAGS_ARGUMENTS) {
        struct pawl_str one = pawl__str_cut(&text, '\n');
        argv[argc++] = strndup(one.data, one.len);
    }
    char *given[FLAGS_ARGUMENTS + 1];
    memcpy(given, argv, sizeof argv);
    struct pawl_flags flags;
    FILE *out = stderr;
    static FILE *nowhere;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    stderr = nowhere; // what is said of mistakes
    bool ok = pawl__flags_parse(&flags, flags_table, "command", argc, given, stops);
    stderr = out;
    if (ok && !flags.help) {
        const char *const *items;
        for (const struct pawl_flag *flag = flags_table; flag->name; flag++) {
            if (flag->type == PAWL_FLAG_BOOL) pawl__flag_bool(&flags, flag->name);
            if (flag->type == PAWL_FLAG_INT || flag->type == PAWL_FLAG_SIZE)
                pawl__flag_int(&flags, flag->name);
            if (flag->type == PAWL_FLAG_PORT) {
                int64_t port = pawl__flag_int(&flags, flag->name);
                FUZZ_CHECK(port >= -1 && port <= 65535);
            }
            if (flag->type == PAWL_FLAG_TEXT) pawl__flag_text(&flags, flag->name);
            if (flag->type == PAWL_FLAG_LIST)
                for (size_t i = pawl__flag_list(&flags, flag->name, &items); i-- > 0;)
                    FUZZ_CHECK(items[i]);
        }
        FUZZ_CHECK(flags.argc >= 0 && flags.argc <= argc);
    }
    for (int i = 0; i < argc; i++) free(argv[i]);
    return 0;
}
