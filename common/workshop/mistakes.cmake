# Writes what workshop/mistakes.sh compiles a kernel with and links it with, as arrays of bash.
# A mistake needs no speed, so its compilation is quick.
set(libraries "")
foreach(library IN ITEMS suite bench stages diagnosis report check attention tile)
  string(APPEND libraries " '$<TARGET_FILE:${library}>'")
endforeach()
set(options $<TARGET_PROPERTY:tile,INTERFACE_COMPILE_OPTIONS>)
# A backward pass runs after the stage's forward pass; either may be the one with a mistake.
set(passes "")
file(GLOB headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/.. ${CMAKE_CURRENT_SOURCE_DIR}/../[0-9]*/backward.h)
foreach(header IN LISTS headers)
  get_filename_component(stage ${header} DIRECTORY)
  set(kernel ${stage}_backward)
  string(APPEND passes "forward_${stage}='$<$<TARGET_EXISTS:${stage}>:$<TARGET_OBJECTS:${stage}>>'\n"
    "backward_${stage}='$<$<TARGET_EXISTS:${kernel}>:$<TARGET_OBJECTS:${kernel}>>'\n")
endforeach()
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/mistakes.sh CONTENT "\
compiler=(${CMAKE_CXX_COMPILER_LAUNCHER} '${CMAKE_CXX_COMPILER}' ${CMAKE_CXX_FLAGS})
options=(-std=c++20 -Og -DNDEBUG -DATTENTION_QUICK '$<JOIN:${options},' '>')
quick=('$<JOIN:$<TARGET_OBJECTS:quick>,' '>')
steps=('$<JOIN:$<TARGET_OBJECTS:steps>,' '>')
backward=('$<JOIN:$<TARGET_OBJECTS:quick_backward>,' '>')
${passes}libraries=(${libraries} ${CMAKE_THREAD_LIBS_INIT})
")
