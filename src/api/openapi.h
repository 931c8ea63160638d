#ifndef PAWL_API_OPENAPI_H
#define PAWL_API_OPENAPI_H

#include <stddef.h>

// docs/openapi.json, which describes /pawl/v1; see cmake/OpenApi.cmake.
extern const unsigned char pawl__openapi[];
extern const size_t pawl__openapi_size;

#endif
