#ifndef PAWL_CLI_WORKFLOW_FILTER_H
#define PAWL_CLI_WORKFLOW_FILTER_H

// Which instances a command is about, and going through them.

#include "cli/workflow.h"

#define PAWL_WORKFLOW_STATUSES                                                                     \
    "RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED, PENDING, SUSPENDED or STALLED"

// Rows of flags. The first three are Dapr's.
#define PAWL_WORKFLOW_FILTER_FLAGS                                                                 \
    {"filter-name", 'w', PAWL_FLAG_TEXT, NULL,                                                     \
     "only workflows of this name; 'order*' is a pattern"},                                        \
        {"filter-status", 's', PAWL_FLAG_TEXT, NULL,                                               \
         "only those with one of these, such as 'FAILED,STALLED'"},                                \
        {"filter-max-age", 'm', PAWL_FLAG_TEXT, NULL,                                              \
         "only those created within a duration such as 90m, or since a time"},                     \
        {"filter-min-age", 0, PAWL_FLAG_TEXT, NULL,                                                \
         "only those created longer ago than a duration, or before a time"},                       \
        {"filter-ended-since", 0, PAWL_FLAG_TEXT, NULL,                                            \
         "only those that have ended within a duration, or since a time"},                         \
        {"filter-ended-until", 0, PAWL_FLAG_TEXT, NULL,                                            \
         "only those that have ended longer ago than a duration, or before a time"},               \
        {"filter-id", 0, PAWL_FLAG_TEXT, NULL, "only ids of this pattern, such as 'order-*'"},     \
        {"filter-parent", 0, PAWL_FLAG_TEXT, NULL, "only children of this instance"},              \
        {"filter-custom-status", 0, PAWL_FLAG_TEXT, NULL,                                          \
         "only those with this text in their custom status"},                                      \
        {"filter-failure", 0, PAWL_FLAG_TEXT, NULL, "only those that failed with this type"},      \
        {"filter-wait", 0, PAWL_FLAG_TEXT, NULL,                                                   \
         "only those that wait for an activity, retry, event, timer, child or worker: "            \
         "'event:approval'"},                                                                      \
    {                                                                                              \
        "filter-tag", 0, PAWL_FLAG_TEXT, NULL,                                                     \
            "only those with this tag, such as team=blue; 'team': with any value"                  \
    }

struct pawl_workflow_filter {
    const char *name, *id;              // patterns as of fnmatch(3); NULL: any
    unsigned statuses;                  // bits 1 << status; 0: any
    int64_t after, before;              // created not before, and before that; 0: any time
    int64_t ended_after, ended_before;  // the same of the end; what has not ended has none
    const char *parent, *custom_status; // NULL: any
    const char *failure;
    const char *wait; // "event", "event:approval"; NULL: for anything
    const char *tag;  // "key=value", or a key, which only has what may stand in a filter; NULL: any
};

// Reads the flags above. False: one is wrong, which is told on stderr.
bool pawl__workflow_filter(const struct pawl_flags *flags, struct pawl_workflow_filter *out);

// Whether any of the flags above is given.
bool pawl__workflow_filter_given(const struct pawl_flags *flags);

// Reads the statuses of |flag|, with commas; 0: it is not given. False: one of them is none, which
// is told on stderr.
bool pawl__workflow_statuses(const struct pawl_flags *flags, const char *flag, unsigned *out);

typedef enum pawl_err (*pawl_workflow_each_fn)(void *arg, const struct pawl_info *info);

// Gives |fn| all instances that |filter| wants, the oldest first; with a |limit| only those that
// were created last, the newest first. They are as in struct pawl_page. Ends when |fn| fails. The
// error is its own, or that of pawl_list.
enum pawl_err pawl__workflow_each(struct pawl *pawl, const struct pawl_workflow_filter *filter,
                                  size_t limit, pawl_workflow_each_fn fn, void *arg);

typedef enum pawl_err (*pawl_workflow_tally_fn)(void *arg, const struct pawl_count *count);

// Gives |fn| how many instances |filter| wants, by name and status; the same name and status may
// come more than once. Else as pawl__workflow_each.
enum pawl_err pawl__workflow_tally(struct pawl *pawl, const struct pawl_workflow_filter *filter,
                                   pawl_workflow_tally_fn fn, void *arg);

// Sets |*lacks|: no worker that is connected has the activity |name|, for which the instance |id|
// waits. The error is that of pawl_list.
enum pawl_err pawl__workflow_lacks(struct pawl *pawl, const char *id, const char *name,
                                   bool *lacks);

// Erases the line that tells a waiting person how far that is, before |fn| writes something.
void pawl__workflow_each_hush(void);

#endif
