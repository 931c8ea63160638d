#ifndef PAWL_CLI_WORKFLOW_WATCH_H
#define PAWL_CLI_WORKFLOW_WATCH_H

// What 'list' and 'get' show, for 'watch', which shows it again and again.

#include "cli/workflow_filter.h"

// Writes the table of 'list', with the |limit| (0: none) instances that were created last. The exit
// code.
int pawl__workflow_show_list(const struct pawl_workflow_app *app,
                             const struct pawl_workflow_filter *filter, size_t limit);

// Writes the page of 'get'. The exit code; |*status| is set after 0 only.
int pawl__workflow_show_one(const struct pawl_workflow_app *app, const char *id,
                            enum pawl_status *status);

#endif
