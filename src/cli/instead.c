#include "cli/instead.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const struct {
    const char *word, *text;
    bool is_done; // what the command is there for is so already
} instead_rows[] = {
    {"init", "there is nothing to set up: no services, no containers. 'pawl run' starts an app",
     true},
    {"uninstall", "'make uninstall' in Pawl's tree removes the program; there is nothing else",
     false},
    {"upgrade", "'make install' in a newer tree of Pawl replaces the program", false},
    {"status", "there are no services beside the sidecars; 'pawl list' shows those", false},
    {"logs",
     "'pawl run' shows the log of a sidecar, and 'pawl run -f' keeps it in the app's .dapr/logs; "
     "'pawl list -o json' has the paths",
     false},
    {"build-info",
     "'daprd --build-info' tells how the program was built, 'pawl version' the versions", false},
    {"scheduler",
     "the sidecar keeps its timers itself; 'pawl workflow get' shows what a workflow waits for",
     false},
    {"components", "the sidecar has them in /v1.0/metadata: curl localhost:PORT/v1.0/metadata",
     false},
    {"configurations", "'pawl run --config FILE' takes one", false},
    {"invoke", "Pawl serves workflows and state: call the app itself", false},
    {"publish", "Pawl serves workflows and state: 'pawl workflow raise-event' reaches a workflow",
     false},
    {"mtls", "sidecars do not talk to each other over the network: there are no certificates",
     false},
    {"annotate", "it is about Kubernetes, where Pawl's daemon is a container like any other",
     false},
};

static bool instead_is_kubernetes(char **arguments, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(arguments[i], "-k") == 0 || strcmp(arguments[i], "--kubernetes") == 0)
            return true;
    return false;
}

bool pawl__instead(const char *called, const char *word, char **arguments, int count, int *code) {
    for (size_t i = 0; i < sizeof instead_rows / sizeof *instead_rows; i++) {
        if (strcmp(instead_rows[i].word, word) != 0) continue;
        bool is_kubernetes = instead_is_kubernetes(arguments, count);
        bool is_done = instead_rows[i].is_done && !is_kubernetes;
        *code = is_done ? 0 : PAWL_EXIT_USAGE;
        if (is_kubernetes)
            fprintf(stderr, "%s: '%s' is not for Kubernetes here\n", called, word);
        else
            fprintf(is_done ? stdout : stderr, "%s %s: %s\n", called, word, instead_rows[i].text);
        return true;
    }
    return false;
}
