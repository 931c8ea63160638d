# All of these are Debian packages; scripts/packages names them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl libcrypto)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# The archive: it adds two small functions, and no C++ library.
find_library(BOOST_CONTEXT_ARCHIVE libboost_context.a REQUIRED)
add_library(boost_context STATIC IMPORTED)
set_target_properties(boost_context PROPERTIES IMPORTED_LOCATION ${BOOST_CONTEXT_ARCHIVE})

# Debian ships llhttp as its generated C (package node-llhttp).
set(LLHTTP_SOURCE /usr/share/llhttp)
add_library(llhttp STATIC ${LLHTTP_SOURCE}/llhttp.c ${LLHTTP_SOURCE}/api.c ${LLHTTP_SOURCE}/http.c)
target_include_directories(llhttp SYSTEM PUBLIC /usr/share/include/llhttp)
