#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/name.h"
#include "cli/address.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/quantity.h"
#include "cli/token.h"
#include "cli/version.h"
#include "cli/wait.h"
#include "observe/lines.h"

// Dapr's names and defaults (reference 6.1). What only a control plane or another building block
// would need is taken and told to mean nothing here.
static const struct pawl_flag daemon_flags[] = {
    {"app-id", 0, PAWL_FLAG_TEXT, NULL, "id of the app; its workflows belong to it (required)"},
    {"dapr-http-port", 0, PAWL_FLAG_PORT, "3500", "port of the HTTP API; 0: any free one"},
    {"dapr-grpc-port", 0, PAWL_FLAG_PORT, "50001", "port of the gRPC API; 0: any free one"},
    {"dapr-listen-addresses", 0, PAWL_FLAG_TEXT, "", "addresses to listen on, with commas"},
    {"dapr-public-port", 0, PAWL_FLAG_PORT, "-1", "further port for health and metadata"},
    {"unix-domain-socket", 0, PAWL_FLAG_TEXT, "", "folder for sockets to listen on, not ports"},
    {"resources-path", 0, PAWL_FLAG_LIST, NULL, "folder with component files; repeatable"},
    {"components-path", 0, PAWL_FLAG_LIST, NULL, "older name of --resources-path"},
    {"local-stores", 0, PAWL_FLAG_BOOL, "false",
     "keep stores that need a server in SQLite files instead"},
    {"no-default-store", 0, PAWL_FLAG_BOOL, "false",
     "have no store, and serve no workflows, where no resources are given"},
    {"config", 0, PAWL_FLAG_LIST, NULL, "configuration file; repeatable"},
    {"hot-reload-reconcile-interval", 0, PAWL_FLAG_TEXT, "60s",
     "how often all files are read again, even if no change was seen"},
    {"app-port", 0, PAWL_FLAG_PORT, "0", "port that the app listens on"},
    {"app-protocol", 0, PAWL_FLAG_TEXT, "http",
     "protocol of the app: http, grpc, https, grpcs, h2c"},
    {"app-channel-address", 0, PAWL_FLAG_TEXT, "127.0.0.1", "address of the app"},
    {"app-max-concurrency", 0, PAWL_FLAG_INT, "-1",
     "calls that the app takes at once; -1: no limit"},
    {"max-body-size", 0, PAWL_FLAG_SIZE, "4Mi",
     "largest body of a request or message; -1: default"},
    {"read-buffer-size", 0, PAWL_FLAG_SIZE, "4Ki",
     "largest headers of a request; -1: default, 0: 1Mi"},
    {"dapr-http-max-request-size", 0, PAWL_FLAG_INT, NULL, "older --max-body-size, in MB"},
    {"dapr-http-read-buffer-size", 0, PAWL_FLAG_INT, NULL, "older --read-buffer-size, in KB"},
    {"dapr-graceful-shutdown-seconds", 0, PAWL_FLAG_INT, "5",
     "how long a shutdown waits for calls"},
    {"loops", 0, PAWL_FLAG_INT, "1",
     "event loops, each a thread, that serve connections and shards; 0: one per core"},
    {"allowed-origins", 0, PAWL_FLAG_TEXT, "",
     "web pages that may call, separated by commas, such as http://localhost:8080; *: all"},
    {"enable-dashboard", 0, PAWL_FLAG_BOOL, "false",
     "serve the dashboard at /dashboard/ of the HTTP port"},
    {"dashboard-token", 0, PAWL_FLAG_TEXT, NULL,
     "what opens the dashboard and /pawl/v1; default: PAWL_DASHBOARD_TOKEN of the environment"},
    {"dashboard-read-only", 0, PAWL_FLAG_BOOL, "false", "let the dashboard and /pawl/v1 only read"},
    {"hide-payloads", 0, PAWL_FLAG_BOOL, "false",
     "keep inputs and outputs from the dashboard and /pawl/v1"},
    {"enable-metrics", 0, PAWL_FLAG_BOOL, "true", "serve metrics for Prometheus"},
    {"metrics-port", 0, PAWL_FLAG_PORT, "9090",
     "port of the metrics, at /metrics; 0: any free one, as when 9090 is in use"},
    {"metrics-listen-address", 0, PAWL_FLAG_TEXT, "",
     "addresses of the metrics, with commas; \"\": those of --dapr-listen-addresses"},
    {"log-level", 0, PAWL_FLAG_TEXT, "info", "debug, info, warn, error or fatal"},
    {"log-as-json", 0, PAWL_FLAG_BOOL, "false", "write the log as JSON"},
    {"version", 'v', PAWL_FLAG_BOOL, "false", "print the version and end"},
    {"build-info", 0, PAWL_FLAG_BOOL, "false", "print how the program was built and end"},
    {"wait", 0, PAWL_FLAG_BOOL, "false",
     "wait until the daemon at --dapr-http-port is ready and end"},
    {"mode", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"dapr-internal-grpc-port", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"dapr-internal-grpc-listen-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"dapr-public-listen-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"placement-host-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"actors-service", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"reminders-service", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"scheduler-host-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"scheduler-job-streams", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"sentry-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"control-plane-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"control-plane-trust-domain", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"control-plane-namespace", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"sentry-request-jwt-audiences", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"profile-port", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"dapr-block-shutdown-duration", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"actors-disseminate-timeout", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"app-binding-options-timeout", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"enable-mtls", 0, PAWL_FLAG_IDLE, "false", "accepted as daprd's; has no effect here"},
    {"enable-profiling", 0, PAWL_FLAG_IDLE, "false", "accepted as daprd's; has no effect here"},
    {"enable-api-logging", 0, PAWL_FLAG_BOOL, "false",
     "log each API call; takes precedence over the configuration"},
    {"enable-app-health-check", 0, PAWL_FLAG_BOOL, "false",
     "ask the app over HTTP whether it is well, and log when that changes; workflows go on "
     "meanwhile"},
    {"app-health-check-path", 0, PAWL_FLAG_TEXT, "/healthz", "path of the app's health"},
    {"app-health-probe-interval", 0, PAWL_FLAG_INT, "5", "seconds between two of these questions"},
    {"app-health-probe-timeout", 0, PAWL_FLAG_INT, "500", "milliseconds for its answer"},
    {"app-health-threshold", 0, PAWL_FLAG_INT, "3", "failures in a row until it counts as ill"},
    {"disable-init-endpoints", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"disable-builtin-k8s-secret-store", 0, PAWL_FLAG_IDLE, "false",
     "accepted as daprd's; has no effect here"},
    {"app-ssl", 0, PAWL_FLAG_IDLE, "false", "accepted as daprd's; has no effect here"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

enum {
    DAEMON_LOOPS = 64,
    DAEMON_MAX_HEADER = 1 << 20, // what --read-buffer-size 0 means to daprd's HTTP server
};

static struct pawl_settings_source daemon_source(const struct pawl_flags *flags,
                                                 const char *namespace) {
    struct pawl_settings_source source = {
        .app_id = pawl__flag_text(flags, "app-id"),
        .namespace = namespace ? namespace : "",
        .local_stores = pawl__flag_bool(flags, "local-stores"),
        .no_default_store = pawl__flag_bool(flags, "no-default-store"),
    };
    source.folder_count = pawl__flag_list(flags, "resources-path", &source.folders);
    if (!source.folder_count)
        source.folder_count = pawl__flag_list(flags, "components-path", &source.folders);
    source.file_count = pawl__flag_list(flags, "config", &source.files);
    return source;
}

// The bytes of a flag, or of its |older| form, whose unit is 2^|shift|. Below 0 is the default.
static size_t daemon_size(const struct pawl_flags *flags, const char *name, const char *older,
                          int shift) {
    bool is_older = pawl__flag_given(flags, older) && !pawl__flag_given(flags, name);
    int64_t size = pawl__flag_int(flags, is_older ? older : name);
    if (size < 0)
        pawl__quantity_parse(pawl__flag_default(flags, name), &size);
    else if (is_older)
        size <<= shift;
    return (size_t)size;
}

// A number from 0 to |most|.
static int daemon_capped(const struct pawl_flags *flags, const char *name, int most) {
    int64_t number = pawl__flag_int(flags, name);
    return number < 0 ? 0 : number > most ? most : (int)number;
}

// How many loops are asked for; 0: that is no number of loops.
static size_t daemon_loops(const struct pawl_flags *flags) {
    int64_t count = pawl__flag_int(flags, "loops");
    if (!count) count = uv_available_parallelism();
    return count > 0 && count <= DAEMON_LOOPS ? (size_t)count : 0;
}

// daprd ignores what is no flag, and Dapr's own command line relies on it: it blanks out a flag
// that it takes an older daprd not to know, and leaves the value.
static void daemon_warn_arguments(const struct pawl_flags *flags, const struct pawl_log *log) {
    char list[512] = "";
    size_t len = 0;
    for (int i = 0; i < flags->argc && len < sizeof list; i++)
        if (*flags->argv[i])
            len += (size_t)snprintf(list + len, sizeof list - len, "%s'%s'", len ? ", " : "",
                                    flags->argv[i]);
    if (*list)
        pawl__log(log, PAWL_LOG_WARN, "dapr.runtime", "ignored: %s; flags begin with --", list);
}

// Says which of the flags that are given do nothing. Dapr's command line gives those of a control
// plane always; of the others somebody may expect something.
static void daemon_tell_idle(const struct pawl_flags *flags, const struct pawl_log *log) {
    for (int i = 0; daemon_flags[i].name; i++) {
        const struct pawl_flag *flag = &daemon_flags[i];
        if (flag->type == PAWL_FLAG_UNUSED && flags->values[i].count)
            pawl__log(log, PAWL_LOG_INFO, "dapr.runtime", "--%s has no effect here", flag->name);
        else if (flag->type == PAWL_FLAG_IDLE && pawl__flag_bool(flags, flag->name))
            pawl__log(log, PAWL_LOG_WARN, "dapr.runtime", "--%s has no effect here", flag->name);
    }
}

static enum pawl_err daemon_addresses(const struct pawl_flags *flags, const char *name,
                                      struct pawl_addresses *out, struct pawl_error *error) {
    if (pawl__addresses_parse(pawl__flag_text(flags, name), out)) return PAWL_OK;
    return pawl__fail(error, PAWL_E_INVALID,
                      "--%s names more than %d, or has one of more than %d characters", name,
                      PAWL_ADDRESSES, PAWL_ADDRESS_TEXT - 1);
}

// What 'pawl run' keeps of what we and the app write; see observe/lines.h.
static const struct pawl_lines *daemon_lines(void) {
    static struct pawl_lines lines;
    const char *fd = getenv(PAWL_LINES_ENV);
    struct pawl_error ignored; // it is some other program's variable
    if (!fd || pawl__lines_open(&lines, atoi(fd), &ignored)) return NULL;
    unsetenv(PAWL_LINES_ENV);
    return &lines;
}

static const char *daemon_dashboard_token(const struct pawl_flags *flags) {
    const char *token = pawl__flag_text(flags, "dashboard-token");
    return token && *token ? token : pawl__token_of_dashboard();
}

// The page is not for everybody who reaches the daemon.
static enum pawl_err daemon_check_dashboard(const struct pawl_daemon_options *options,
                                            struct pawl_error *error) {
    const struct pawl_addresses *addresses = options->listen_addresses;
    if (!options->console.enabled || options->console.token || options->api_token ||
        options->unix_socket_dir)
        return PAWL_OK;
    for (size_t i = 0; i < addresses->count; i++)
        if (!pawl__address_is_local(addresses->items[i]))
            return pawl__fail(error, PAWL_E_INVALID,
                              "--enable-dashboard: whoever reaches %s could see and end all "
                              "workflows; give --dashboard-token, set DAPR_API_TOKEN, or listen "
                              "on 127.0.0.1 only",
                              addresses->items[i]);
    return PAWL_OK;
}

// As many connections as the process may be given, as Go does it for daprd: a shell and systemd
// begin with 1024, for programs that use select.
static void daemon_raise_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); // without it there is only less room
}

// What flags and environment say, but for addresses, files and durations, which may be wrong.
static struct pawl_daemon_options daemon_options(const struct pawl_flags *flags,
                                                 const char *namespace, enum pawl_log_level level) {
    static char host[256];
    gethostname(host, sizeof host - 1);
    struct pawl_daemon_options options = {
        .app_id = pawl__flag_text(flags, "app-id"),
        .namespace = namespace && *namespace ? namespace : "default",
        .http_port = (int)pawl__flag_int(flags, "dapr-http-port"),
        .grpc_port = (int)pawl__flag_int(flags, "dapr-grpc-port"),
        .public_port = (int)pawl__flag_int(flags, "dapr-public-port"),
        .api_token = pawl__token_of_api(),
        .app_port = (int)pawl__flag_int(flags, "app-port"),
        .app_protocol = pawl__flag_text(flags, "app-protocol"),
        .app_address = pawl__flag_text(flags, "app-channel-address"),
        .app_max_concurrency = (int)pawl__flag_int(flags, "app-max-concurrency"),
        .api_logging = pawl__flag_given(flags, "enable-api-logging")
                           ? pawl__flag_bool(flags, "enable-api-logging")
                           : -1,
        .app_health =
            {
                .enabled = pawl__flag_bool(flags, "enable-app-health-check"),
                .path = pawl__flag_text(flags, "app-health-check-path"),
                .interval =
                    daemon_capped(flags, "app-health-probe-interval", INT_MAX / 1000) * 1000,
                .timeout = daemon_capped(flags, "app-health-probe-timeout", INT_MAX),
                .threshold = daemon_capped(flags, "app-health-threshold", INT_MAX),
            },
        .console =
            {
                .enabled = pawl__flag_bool(flags, "enable-dashboard"),
                .token = daemon_dashboard_token(flags),
                .read_only = pawl__flag_bool(flags, "dashboard-read-only"),
                .hide_payloads = pawl__flag_bool(flags, "hide-payloads"),
            },
        .lines = daemon_lines(),
        .max_body = daemon_size(flags, "max-body-size", "dapr-http-max-request-size", 20),
        .max_header = daemon_size(flags, "read-buffer-size", "dapr-http-read-buffer-size", 10),
        .allowed_origins = pawl__flag_text(flags, "allowed-origins"),
        .graceful_shutdown = pawl__flag_int(flags, "dapr-graceful-shutdown-seconds") * PAWL_SECOND,
        .loops = daemon_loops(flags),
        .log = {.out = stdout,
                .level = level,
                .json = pawl__flag_bool(flags, "log-as-json"),
                .app_id = pawl__flag_text(flags, "app-id"),
                .host = host,
                .version = PAWL_VERSION},
    };
    if (!options.max_header) options.max_header = DAEMON_MAX_HEADER;
    const char *sockets = pawl__flag_text(flags, "unix-domain-socket");
    if (*sockets) options.unix_socket_dir = sockets;
    return options;
}

// Reads and checks the rest.
static enum pawl_err daemon_check(const struct pawl_flags *flags,
                                  struct pawl_daemon_options *options,
                                  struct pawl_addresses *addresses,
                                  struct pawl_addresses *metrics_addresses,
                                  struct pawl_error *error) {
    const char *interval = pawl__flag_text(flags, "hot-reload-reconcile-interval");
    if (!options->loops)
        return pawl__fail(error, PAWL_E_INVALID,
                          "--loops is %lld, but has to be a number from 0 to %d",
                          (long long)pawl__flag_int(flags, "loops"), DAEMON_LOOPS);
    enum pawl_err err = daemon_addresses(flags, "dapr-listen-addresses", addresses, error);
    options->listen_addresses = addresses;
    if (!err) err = daemon_check_dashboard(options, error);
    if (err) return err;
    *metrics_addresses = *addresses;
    if (*pawl__flag_text(flags, "metrics-listen-address"))
        err = daemon_addresses(flags, "metrics-listen-address", metrics_addresses, error);
    if (!err && !pawl__duration_parse(interval, &options->reconcile_interval))
        err = pawl__fail(error, PAWL_E_INVALID,
                         "--hot-reload-reconcile-interval is '%s', but has to be a duration such "
                         "as 60s",
                         interval);
    return err;
}

static int daemon_start(const struct pawl_flags *flags, enum pawl_log_level level) {
    struct pawl_error error = {PAWL_E_OK, ""};
    struct pawl_addresses addresses, metrics_addresses;
    const char *namespace = getenv("NAMESPACE");
    struct pawl_daemon_options options = daemon_options(flags, namespace, level);
    daemon_raise_files();
    daemon_tell_idle(flags, &options.log);
    daemon_warn_arguments(flags, &options.log);

    struct pawl_settings_source source = daemon_source(flags, namespace);
    struct pawl_settings *settings = NULL;
    pawl__log(&options.log, PAWL_LOG_INFO, "dapr.runtime",
              "starting Pawl -- version %s -- app id: %s", PAWL_VERSION, options.app_id);
    if (daemon_check(flags, &options, &addresses, &metrics_addresses, &error) ||
        pawl__settings_read(&source, &options.log, &settings, &error)) {
        pawl__log(&options.log, PAWL_LOG_FATAL, "dapr.runtime", "cannot start: %s", error.text);
        return 1;
    }
    options.source = &source;
    options.with_metrics = pawl__flag_bool(flags, "enable-metrics");
    options.metrics = (struct pawl_metrics_options){
        .app_id = options.app_id,
        .namespace = namespace ? namespace : "",
        .listen_addresses = &metrics_addresses,
        .port = (int)pawl__flag_int(flags, "metrics-port"),
        .any_port = !pawl__flag_given(flags, "metrics-port"),
        .log = &options.log,
    };
    return pawl__daemon_run(&options, settings);
}

static bool daemon_is_protocol(const char *name) {
    static const char *const names[] = {"http", "grpc", "https", "grpcs", "h2c"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static int daemon_run(const struct pawl_flags *flags) {
    if (pawl__flag_bool(flags, "version")) {
        puts(PAWL_DAPR_VERSION);
        return 0;
    }
    if (pawl__flag_bool(flags, "build-info")) {
        pawl__build_info_write(stdout);
        return 0;
    }
    if (pawl__flag_bool(flags, "wait"))
        return pawl__wait_until_ready((int)pawl__flag_int(flags, "dapr-http-port")) ? 0 : 1;
    const char *app_id = pawl__flag_text(flags, "app-id");
    enum pawl_log_level level;
    if (!pawl__log_level_parse(pawl__flag_text(flags, "log-level"), &level))
        return pawl__misused(flags,
                             "--log-level is '%s', but has to be debug, info, warn, error or fatal",
                             pawl__flag_text(flags, "log-level"));
    if (!daemon_is_protocol(pawl__flag_text(flags, "app-protocol")))
        return pawl__misused(
            flags, "--app-protocol is '%s', but has to be http, grpc, https, grpcs or h2c",
            pawl__flag_text(flags, "app-protocol"));
    if (!app_id || !*app_id)
        return pawl__misused(flags,
                             "--app-id is required: it names the app whose workflows are served");
    const char *flaw = pawl__name_flaw(app_id), *namespace = getenv("NAMESPACE");
    if (flaw) return pawl__misused(flags, "--app-id %s", flaw);
    if (namespace && (flaw = pawl__name_flaw(namespace)))
        return pawl__misused(flags, "NAMESPACE in the environment %s", flaw);
    return daemon_start(flags, level);
}

const struct pawl_command pawl__cmd_daemon = {
    .name = "daemon",
    .summary = "Run the sidecar of one app",
    .usage = "--app-id ID [FLAGS]",
    .text = "The sidecar serves the Dapr API and the workflows of one app. 'pawl run' starts it\n"
            "beside an app; as 'daprd' it takes the place of Dapr's. Without --resources-path it\n"
            "keeps everything in an SQLite file in the user's data directory.\n\n"
            "When DAPR_API_TOKEN is set, every call needs it. SIGTERM stops the sidecar in order;\n"
            "SIGKILL loses nothing that was acknowledged.\n\n"
            "Example:\n"
            "  pawl daemon --app-id orders --resources-path ./resources\n",
    .flags = daemon_flags,
    .run = daemon_run,
};
