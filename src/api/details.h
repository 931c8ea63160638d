#ifndef PAWL_API_DETAILS_H
#define PAWL_API_DETAILS_H

// Errors with the details that Dapr gives beside their texts (google.rpc.ErrorInfo and its kin):
// over gRPC in the trailer grpc-status-details-bin, over HTTP as "details" of the body.

#include "api/internal.h"

struct pawl_api_flaw {
    enum pawl_err code; // over gRPC
    int status;         // over HTTP
    const char *name;   // "errorCode" over HTTP
    const char *reason; // of the ErrorInfo
    const char *text;
    const char *app_id;       // in the metadata of the ErrorInfo; NULL: none
    struct pawl_str resource; // a state store in a ResourceInfo; no data: none
    struct pawl_str field;    // at fault, in a BadRequest; no data: none
};

// Ends the request.
void pawl__api_fail_with(struct pawl_request *request, const struct pawl_api_flaw *flaw);

#endif
