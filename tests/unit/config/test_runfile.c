#include "kit.h"

#include <stdlib.h>
#include <unistd.h>

#include "config/runfile.h"

static struct pawl_runfile file;

static enum pawl_err load(struct kit *kit, const char *text) {
    kit_write("dapr.yaml", text);
    kit_folder("app");
    return pawl__runfile_load("dapr.yaml", &kit->arena, &file, &kit->error);
}

// The message with the kit's folder before it.
static void expect(struct kit *kit, const char *text, const char *error) {
    assert_int_equal(load(kit, text), PAWL_E_INVALID);
    assert_error(kit, kit_path(kit, error));
}

static void test_all(void **state) {
    struct kit *kit = *state;
    kit_folder("shared");
    kit_folder("other/own");
    kit_write("config.yaml", "");
    assert_int_equal(load(kit, "version: 1\nname: mine\n"
                               "common:\n"
                               "  resourcesPaths: [./shared]\n"
                               "  configFilePath: config.yaml\n"
                               "  env: {DEBUG: true, LEVEL: 1}\n"
                               "  logLevel: debug\n"
                               "  daprdLogDestination: console\n"
                               "  maxBodySize: 16Mi\n"
                               "apps:\n"
                               "- appDirPath: ./app\n"
                               "  command: [python3, app.py, \"1\"]\n"
                               "  appPort: 8001\n"
                               "  daprHTTPPort: 3500\n"
                               "  daprGRPCPort: 50001\n"
                               "  metricsPort: -1\n"
                               "- appID: two\n"
                               "  appDirPath: other\n"
                               "  resourcesPath: other/own\n"
                               "  appLogDestination: file\n"
                               "  logLevel: warn\n"
                               "  maxBodySize: 1Mi\n"
                               "  env: {LEVEL: 2}\n"),
                     PAWL_OK);
    assert_string_equal(file.name, "mine");
    assert_string_equal(file.path, kit_path(kit, "dapr.yaml"));
    assert_int_equal(file.app_count, 2);
    const struct pawl_runfile_app *app = &file.apps[0];
    assert_string_equal(app->app_id, "app");
    assert_string_equal(app->directory, kit_path(kit, "app"));
    assert_int_equal(app->command_count, 3);
    assert_string_equal(app->command[2], "1");
    assert_null(app->command[3]);
    assert_int_equal(app->app_port, 8001);
    assert_int_equal(app->http_port, 3500);
    assert_int_equal(app->grpc_port, 50001);
    assert_int_equal(app->metrics_port, 0);
    assert_int_equal(app->resource_count, 1);
    assert_string_equal(app->resources[0], kit_path(kit, "./shared"));
    assert_string_equal(app->config, kit_path(kit, "config.yaml"));
    assert_string_equal(app->app_log, "fileAndConsole");
    assert_string_equal(app->daemon_log, "console");
    assert_string_equal(app->log_level, "debug");
    assert_int_equal(app->env_count, 2);
    assert_string_equal(app->env[0], "DEBUG=true");
    assert_int_equal(app->pass_count, 1);
    assert_string_equal(app->pass[0].flag, "max-body-size");
    assert_string_equal(app->pass[0].value, "16Mi");

    app = &file.apps[1];
    assert_string_equal(app->app_id, "two");
    assert_string_equal(app->resources[0], kit_path(kit, "other/own"));
    assert_string_equal(app->app_log, "file");
    assert_string_equal(app->log_level, "warn");
    assert_string_equal(app->pass[0].value, "1Mi");
    assert_string_equal(app->env[app->env_count - 1], "LEVEL=2"); // after the shared one: it wins
}

// The app's .dapr folder comes before what all share, and after what the app names itself.
static void test_precedence(void **state) {
    struct kit *kit = *state;
    kit_folder("shared");
    kit_folder("own");
    kit_folder("app/.dapr/resources");
    kit_write("app/.dapr/config.yaml", "");
    kit_write("shared.yaml", "");
    kit_write("own.yaml", "");
    assert_int_equal(load(kit, "version: 1\n"
                               "common: {resourcesPaths: [shared], configFilePath: shared.yaml}\n"
                               "apps:\n- {appDirPath: app}\n"),
                     PAWL_OK);
    assert_int_equal(file.apps[0].resource_count, 1);
    assert_string_equal(file.apps[0].resources[0], kit_path(kit, "app/.dapr/resources"));
    assert_string_equal(file.apps[0].config, kit_path(kit, "app/.dapr/config.yaml"));
    assert_int_equal(load(kit, "version: 1\n"
                               "common: {resourcesPaths: [shared], configFilePath: shared.yaml}\n"
                               "apps:\n- {appDirPath: app, resourcesPaths: [own, shared],\n"
                               "   configFilePath: own.yaml}\n"),
                     PAWL_OK);
    assert_int_equal(file.apps[0].resource_count, 2);
    assert_string_equal(file.apps[0].resources[0], kit_path(kit, "own"));
    assert_string_equal(file.apps[0].config, kit_path(kit, "own.yaml"));
    assert_int_equal(remove("app/.dapr/config.yaml"), 0);
    assert_int_equal(remove("app/.dapr/resources"), 0);
    assert_int_equal(load(kit, "version: 1\napps:\n- {appDirPath: app}\n"), PAWL_OK);
    assert_int_equal(file.apps[0].resource_count, 0);
    assert_null(file.apps[0].config);
}

// What no file names is the user's, where it is there.
static void test_user_resources(void **state) {
    struct kit *kit = *state;
    static const char plain[] = "version: 1\napps:\n- {appDirPath: app}\n";
    kit_folder("app");
    kit_folder("shared");
    setenv("HOME", kit->folder, 1);
    kit_write(".dapr/config.yaml", "");
    assert_int_equal(load(kit, plain), PAWL_OK);
    assert_int_equal(file.apps[0].resource_count, 0);
    assert_false(file.apps[0].user_resources);
    assert_string_equal(file.apps[0].config, kit_path(kit, ".dapr/config.yaml"));
    kit_folder(".dapr/components");
    assert_int_equal(load(kit, plain), PAWL_OK);
    assert_int_equal(file.apps[0].resource_count, 1);
    assert_string_equal(file.apps[0].resources[0], kit_path(kit, ".dapr/components"));
    assert_true(file.apps[0].user_resources);
    assert_int_equal(load(kit, "version: 1\ncommon: {resourcesPath: shared}\n"
                               "apps:\n- {appDirPath: app}\n"),
                     PAWL_OK);
    assert_int_equal(file.apps[0].resource_count, 1);
    assert_string_equal(file.apps[0].resources[0], kit_path(kit, "shared"));
    assert_false(file.apps[0].user_resources);
    unsetenv("HOME");
}

static void test_places(void **state) {
    struct kit *kit = *state;
    kit_folder("set/app");
    kit_write("set/dapr.yaml", "version: 1\napps:\n- {appDirPath: app}\n");
    assert_int_equal(pawl__runfile_load("set", &kit->arena, &file, &kit->error), PAWL_OK);
    assert_string_equal(file.name, "set");
    assert_string_equal(file.path, kit_path(kit, "set/dapr.yaml"));
    assert_string_equal(file.apps[0].directory, kit_path(kit, "set/app"));
    assert_int_equal(pawl__runfile_load("none", &kit->arena, &file, &kit->error), PAWL_E_NOT_FOUND);
    assert_error(kit, "cannot read the run file none: No such file or directory; name a run file, "
                      "or a folder with a dapr.yaml");
    kit_folder("bare");
    assert_int_equal(pawl__runfile_load("bare", &kit->arena, &file, &kit->error), PAWL_E_NOT_FOUND);
    assert_error(kit, "cannot read the run file bare/dapr.yaml: No such file or directory; name a "
                      "run file, or a folder with a dapr.yaml");
    assert_int_equal(pawl__runfile_load("set/app", &kit->arena, &file, &kit->error),
                     PAWL_E_NOT_FOUND);
    assert_error(kit, "there is no run file set/app/dapr.yaml, but one in the folder above it: "
                      "give -f set/app/..");
    assert_int_equal(chdir("set/app"), 0);
    assert_int_equal(pawl__runfile_load(".", &kit->arena, &file, &kit->error), PAWL_E_NOT_FOUND);
    assert_int_equal(chdir("../.."), 0);
    assert_error(kit,
                 "there is no run file ./dapr.yaml, but one in the folder above it: give -f ..");
}

static void test_errors(void **state) {
    struct kit *kit = *state;
    expect(kit, "", "dapr.yaml: the run file is empty");
    expect(kit, "apps: []\n", "dapr.yaml:1: version has to be 1");
    expect(kit, "name: x\nversion: 2\n", "dapr.yaml:2: version has to be 1");
    expect(kit, "version: 1\n", "dapr.yaml:1: apps has to be a list with at least one app");
    expect(kit, "version: 1\napps: []\n",
           "dapr.yaml:2: apps has to be a list with at least one app");
    expect(kit, "version: 1\nappz: []\n",
           "dapr.yaml:2: unknown key \"appz\" in a run file; did you mean \"apps\"?; known keys: "
           "version, name, common, apps");
    expect(kit, "version: 1\napps:\n- appID: a\n",
           "dapr.yaml:3: appDirPath of an app has to be given");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n- appDirPath: app\n",
           "dapr.yaml:4: there are two apps with the ID \"app\"; give each an appID");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  appPort: 70000\n",
           "dapr.yaml:4: appPort has to be a port up to 65535");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  command: run\n",
           "dapr.yaml:4: command has to be a list such as [\"python3\", \"app.py\"]");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  env: [A]\n",
           "dapr.yaml:4: env has to be a map of names and values");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  env: {A: [1]}\n",
           "dapr.yaml:4: a value of env has to be plain text");
    static const char *const names[] = {"", "A=B", "A B", "A\\nB"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[128];
        snprintf(text, sizeof text, "version: 1\napps:\n- appDirPath: app\n  env:\n    \"%s\": x\n",
                 names[i]);
        assert_int_equal(load(kit, text), PAWL_E_INVALID);
        assert_non_null(strstr(kit->error.text, "dapr.yaml:5: \""));
        assert_non_null(strstr(kit->error.text, "cannot be the name of a variable in env"));
    }
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  env:\n    A: \"x\\0y\"\n",
           "dapr.yaml:5: a text has a NUL (\\0) in it");
    static const char *const ids[] = {"a\\tb", "a\\x7fb", "a\\u0085b", "\\n"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[128];
        snprintf(text, sizeof text, "version: 1\napps:\n- appDirPath: app\n  appID: \"%s\"\n",
                 ids[i]);
        expect(kit, text, "dapr.yaml:4: the ID of an app has a control character in it");
    }
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  appID: [a]\n",
           "dapr.yaml:4: appID has to be a single value");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  logLevel: {a: 1}\n",
           "dapr.yaml:4: logLevel has to be a single value");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  appLogDestination: disk\n",
           "dapr.yaml:4: appLogDestination has to be console, file or fileAndConsole");
    expect(kit, "version: 1\napps:\n- appDirPath: app\n  appLogDestination: [file]\n",
           "dapr.yaml:4: appLogDestination has to be console, file or fileAndConsole");
    expect(kit, "version: 1\ncommon: {resourcesPaths: x}\napps:\n- appDirPath: app\n",
           "dapr.yaml:2: resourcesPaths has to be a list of folders");
}

static void test_missing(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *key, *kind;
        int line;
    } rows[] = {{"resourcesPath", "folder", 4}, {"configFilePath", "file", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        const char *gone = kit_path(kit, "gone");
        snprintf(text, sizeof text, "version: 1\napps:\n- appDirPath: app\n  %s: gone\n",
                 rows[i].key);
        assert_int_equal(load(kit, text), PAWL_E_INVALID);
        assert_error(
            kit, pawl__arena_format(
                     &kit->arena,
                     "%s/dapr.yaml:4: %s \"%s\" is not a %s; create %s, or correct the path",
                     kit->folder, i ? rows[i].key : "resourcesPaths", gone, rows[i].kind, gone));
    }
    const char *gone = kit_path(kit, "gone");
    assert_int_equal(load(kit, "version: 1\napps:\n- appDirPath: gone\n"), PAWL_E_INVALID);
    assert_error(kit, pawl__arena_format(&kit->arena,
                                         "%s/dapr.yaml:3: appDirPath \"%s\" is not a folder; "
                                         "create %s, or correct the path",
                                         kit->folder, gone, gone));
}

// Keys of an app are not among those that all share.
static void test_unknown(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "version: 1\ncommon: {appPort: 1}\n"), PAWL_E_INVALID);
    assert_non_null(strstr(kit->error.text, "dapr.yaml:2: unknown key \"appPort\" in common"));
    assert_int_equal(load(kit, "version: 1\napps:\n- appDirPath: app\n  comand: [x]\n"),
                     PAWL_E_INVALID);
    assert_non_null(strstr(kit->error.text, "dapr.yaml:4: unknown key \"comand\" in an app; did "
                                            "you mean \"command\"?; known keys: appID, "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_precedence, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_user_resources, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_places, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_errors, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_missing, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_unknown, kit_begin, kit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
