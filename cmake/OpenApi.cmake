# docs/openapi.json as an array in C, which the api serves.
set(openapi ${PROJECT_SOURCE_DIR}/docs/openapi.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${openapi})
file(READ ${openapi} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/openapi.c CONTENT [[
#include "api/openapi.h"
const unsigned char pawl__openapi[] = {@bytes@};
const size_t pawl__openapi_size = sizeof pawl__openapi;
]] @ONLY)
target_sources(pawl_api PRIVATE ${CMAKE_BINARY_DIR}/openapi.c)
