# -DPAWL_SANITIZE=address,undefined or =thread
set(PAWL_SANITIZE "" CACHE STRING "sanitizers to build with")
if(PAWL_SANITIZE)
  add_compile_options(-fsanitize=${PAWL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PAWL_SANITIZE})
  if(CMAKE_C_COMPILER_ID STREQUAL Clang AND PAWL_SANITIZE MATCHES address)
    add_compile_definitions(__SANITIZE_ADDRESS__) # as gcc has it
  endif()
endif()
