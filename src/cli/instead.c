#include "cli/instead.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *word, *text;
} instead_rows[] = {
    {"upgrade", "'make install' in a newer tree of Pawl replaces the program"},
    {"status", "there are no services beside the sidecars; 'pawl list' shows those"},
    {"logs",
     "'pawl run' shows the log of a sidecar, and 'pawl run -f' keeps it in the app's .dapr/logs; "
     "'pawl list -o json' has the paths"},
    {"build-info",
     "'daprd --build-info' tells how the program was built, 'pawl version' the versions"},
    {"scheduler",
     "the sidecar keeps its timers itself; 'pawl workflow get' shows what a workflow waits for"},
    {"components", "the sidecar has them in /v1.0/metadata: curl localhost:PORT/v1.0/metadata"},
    {"configurations", "'pawl run --config FILE' takes one"},
    {"invoke", "Pawl serves workflows and state: call the app itself"},
    {"publish", "Pawl serves workflows and state: 'pawl workflow raise-event' reaches a workflow"},
    {"mtls", "sidecars do not talk to each other over the network: there are no certificates"},
    {"annotate", "it is about Kubernetes, where Pawl's daemon is a container like any other"},
};

static bool instead_is_kubernetes(char **arguments, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(arguments[i], "-k") == 0 || strcmp(arguments[i], "--kubernetes") == 0)
            return true;
    return false;
}

bool pawl__instead(const char *called, const char *word, char **arguments, int count) {
    for (size_t i = 0; i < sizeof instead_rows / sizeof *instead_rows; i++) {
        if (strcmp(instead_rows[i].word, word) != 0) continue;
        if (instead_is_kubernetes(arguments, count))
            fprintf(stderr, "%s: '%s' is not for Kubernetes here\n", called, word);
        else
            fprintf(stderr, "%s %s: %s\n", called, word, instead_rows[i].text);
        return true;
    }
    return false;
}
