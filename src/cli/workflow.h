#ifndef PAWL_CLI_WORKFLOW_H
#define PAWL_CLI_WORKFLOW_H

// What the commands of 'pawl workflow' share. They are programs over pawl.h, but for purge --force.

#include <jansson.h>
#include <pawl.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/output.h"
#include "wire/timestamp.h" // PAWL_TIME_TEXT

// Rows of each command's flags.
#define PAWL_WORKFLOW_FLAGS                                                                        \
    {"app-id", 'a', PAWL_FLAG_TEXT, NULL,                                                          \
     "app whose workflows these are; needed only when several run here"},                          \
        {"address", 0, PAWL_FLAG_TEXT, NULL,                                                       \
         "HOST:PORT where a sidecar takes gRPC, also on another machine; instead of --app-id"},    \
    {                                                                                              \
        "namespace", 'n', PAWL_FLAG_TEXT, "default", "the app's namespace, for the output"         \
    }

// Rows of flags of the commands that can do without a sidecar.
#define PAWL_WORKFLOW_STORE_FLAGS                                                                  \
    {"connection-string", 'c', PAWL_FLAG_TEXT, NULL,                                               \
     "SQLite file, postgres://... or redis://... to look into when no sidecar of --app-id runs"},  \
    {                                                                                              \
        "table-name", 't', PAWL_FLAG_UNUSED, NULL, NULL                                            \
    }

extern const struct pawl_command pawl__workflow_run;
extern const struct pawl_command pawl__workflow_list;
extern const struct pawl_command pawl__workflow_count;
extern const struct pawl_command pawl__workflow_get;
extern const struct pawl_command pawl__workflow_watch;
extern const struct pawl_command pawl__workflow_history;
extern const struct pawl_command pawl__workflow_export;
extern const struct pawl_command pawl__workflow_import;
extern const struct pawl_command pawl__workflow_replay;
extern const struct pawl_command pawl__workflow_raise_event;
extern const struct pawl_command pawl__workflow_suspend;
extern const struct pawl_command pawl__workflow_resume;
extern const struct pawl_command pawl__workflow_terminate;
extern const struct pawl_command pawl__workflow_purge;
extern const struct pawl_command pawl__workflow_rerun;

// An app's sidecar.
struct pawl_workflow_app {
    struct pawl *pawl;
    const char *name_space; // of the output
    char id[128];           // the app's; "": it was named by its address
    int workers;            // that were connected; -1: not known
};

// The sidecar of the app |id|, or, when that is NULL, of the only one. NULL: told on stderr.
const struct pawl_found *pawl__workflow_find(const char *id);

// Connects to the sidecar that the flags name. Tells what is wrong on stderr; 0, or the exit code.
// |app| is closed with pawl__workflow_close after 0 only.
int pawl__workflow_open(const struct pawl_flags *flags, struct pawl_workflow_app *app);
void pawl__workflow_close(struct pawl_workflow_app *app);

// The same without a sidecar: opens the store of the app |id| that |connection| names.
int pawl__workflow_open_store(const char *connection, const char *id,
                              struct pawl_workflow_app *app);

// Says on stderr that a call to |app| waits: at once when it is known to have no worker, else when
// the call has taken two seconds and is not over, with |doing|, such as "suspend", and |id|.
void pawl__workflow_tell_wait(const struct pawl_workflow_app *app, const char *doing,
                              const char *id);
void pawl__workflow_wait_is_over(void);

// Writes "what: why" of the function of pawl.h that failed last, and returns the exit code.
int pawl__workflow_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The JSON text of the flag |name|; none when it is not given. False: it is not JSON, which is
// told on stderr.
bool pawl__workflow_json(const struct pawl_flags *flags, const char *name, struct pawl_text *out);

// The moment that |text| names, in nanoseconds since 1970: a duration before (|sign| -1) or after
// (1) now, such as "1h30m", or a time in RFC 3339, where "Z" may be missing, or the time with it.
// False: it is neither.
bool pawl__workflow_time(const char *text, int sign, int64_t *out);

// Reads a duration of a millisecond or more, in nanoseconds.
bool pawl__workflow_interval(const char *text, int64_t *out);

// The number of --limit; 0: it is not given. False: it is not above 0, which is told on stderr.
bool pawl__workflow_limit(const struct pawl_flags *flags, size_t *out);

bool pawl__workflow_has_ended(enum pawl_status status);

// --- what is told -------------------------------------------------------------------------------

// An instance as an object for programs: a row of 'list'. NULL: it cannot be written as JSON.
json_t *pawl__workflow_row(const struct pawl_workflow_app *app, const struct pawl_info *info);

// |duration| nanoseconds as people say it, such as "3m20s".
void pawl__workflow_duration(int64_t duration, char out[32]);

// |at| nanoseconds since 1970 in RFC 3339, to the second.
void pawl__workflow_moment(int64_t at, char out[PAWL_TIME_TEXT]);

#endif
