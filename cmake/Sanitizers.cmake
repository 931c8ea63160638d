# -DPAWL_SANITIZE=address,undefined or =thread
set(PAWL_SANITIZE "" CACHE STRING "sanitizers to build with")
if(PAWL_SANITIZE)
  add_compile_options(-fsanitize=${PAWL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PAWL_SANITIZE})
endif()
