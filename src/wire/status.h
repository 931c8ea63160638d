#ifndef PAWL_WIRE_STATUS_H
#define PAWL_WIRE_STATUS_H

#include <stdint.h>

// "RUNNING": the name of an OrchestrationStatus of the wire, as clients know it; "UNKNOWN": it is
// none. Static text.
const char *pawl__status_name(int32_t status);

#endif
