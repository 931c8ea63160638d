#ifndef PAWL_TEST_CONFIG_KIT_H
#define PAWL_TEST_CONFIG_KIT_H

// What the tests of configuration files share: a folder of their own, files in it, and a log that
// can be read back.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "config/component.h"

struct kit {
    char folder[64]; // without links, so that messages can be compared
    struct pawl_arena arena;
    struct pawl_error error;
    struct pawl_log log;
    struct pawl_config_context context; // of the app "shop", with no namespace
    char lines[32768];
};

// Set up and tear down, as cmocka calls them. The working folder is the kit's meanwhile, so that
// messages hold short paths.
// The home of the user in the system's list; NULL: the user is not in it.
extern const char *kit_home;

int kit_begin(void **state);
int kit_end(void **state);

// Writes |text| to |name| in the folder, and makes the folders above it.
void kit_write(const char *name, const char *text);

// Makes the folder |name|.
void kit_folder(const char *name);

// All that was logged.
const char *kit_log(struct kit *kit);

// The full path of |name| in the kit's folder.
const char *kit_path(struct kit *kit, const char *name);

#define assert_logged(kit, expected) assert_non_null(strstr(kit_log(kit), expected))
#define assert_error(kit, expected)  assert_string_equal((kit)->error.text, expected)

#endif
