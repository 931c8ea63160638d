// Says what the wire makes of messages, for tests that compare it with protoc's own Python. A line
// "TYPE HEX" is answered by the message as written again, in hex after "=", or by "!" and why it is
// refused.

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "dapr_runtime.pb-c.h"
#include "orchestrator_service.pb-c.h"
#include "wire/pack.h"
#include "wire/unpack.h"

static const ProtobufCMessageDescriptor *says_type(struct pawl_str name) {
    static const ProtobufCServiceDescriptor *const services[] = {
        &pb__task_hub_sidecar_service__descriptor, &dapr__dapr__descriptor};
    for (size_t s = 0; s < 2; s++)
        for (unsigned i = 0; i < services[s]->n_methods; i++)
            if (pawl__str_equal(pawl__str(services[s]->methods[i].input->name), name))
                return services[s]->methods[i].input;
    return NULL;
}

int main(void) {
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
        struct pawl_str hex = {line, (size_t)len - 1};
        struct pawl_str name = pawl__str_cut(&hex, ' ');
        const ProtobufCMessageDescriptor *type = says_type(name);
        struct pawl_arena arena = {0};
        char *bytes = malloc(hex.len / 2 + 1);
        if (!type) fprintf(stderr, "there is no request %.*s\n", PAWL_FMT(name));
        if (!type || !bytes) return 1;
        for (size_t i = 0; i < hex.len / 2; i++) {
            unsigned byte;
            if (sscanf(hex.data + 2 * i, "%2x", &byte) != 1) return 1;
            bytes[i] = (char)byte;
        }
        const char *why;
        const ProtobufCMessage *message =
            pawl__wire_unpack(&arena, type, (struct pawl_str){bytes, hex.len / 2}, &why);
        if (message) {
            struct pawl_str packed = pawl__wire_pack(&arena, message);
            putchar('=');
            for (size_t i = 0; i < packed.len; i++) printf("%02x", (unsigned char)packed.data[i]);
            putchar('\n');
        } else {
            printf("!%s\n", why);
        }
        fflush(stdout);
        free(bytes);
        pawl__arena_finish(&arena);
    }
    free(line);
    return 0;
}
