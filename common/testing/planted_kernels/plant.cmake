# cmake -DSTAGE=03_v2 -DHEADER=.../attention.h -DOUTPUT=... -P plant.cmake
#
# Writes the kernels that mistakes.cmake makes of a stage's, as stages of their own: each in a
# namespace with the mistake's name, which is the stage's as well.
file(READ ${HEADER} kernel)
string(REPLACE "#pragma once\n" "" kernel "${kernel}")
set(source "#include \"tile/cpu/backend.h\"\n//\n#include \"stages/stage.h\"\n")

function(mistake name stage count text replacement)
  if(NOT stage STREQUAL STAGE)
    return()
  endif()
  string(REPLACE "${text}" "" without "${kernel}")
  string(LENGTH "${kernel}" length)
  string(LENGTH "${without}" length_without)
  string(LENGTH "${text}" length_of_text)
  math(EXPR occurs "(${length} - ${length_without}) / ${length_of_text}")
  if(NOT occurs EQUAL count)
    # The kernel stays as it is, and fails the test by being right.
    message(WARNING "${name}: '${text}' occurs ${occurs} times in ${HEADER}, expected ${count}:"
      " mend testing/planted_kernels/mistakes.cmake")
  endif()
  string(REPLACE "${text}" "${replacement}" planted "${kernel}")
  string(REPLACE "stage_${STAGE}" "${name}" planted "${planted}")
  string(REPLACE "\"${STAGE}\"" "\"${name}\"" planted "${planted}")
  string(APPEND planted
    "static const flash::Registration register_${name}(${name}::stage<tile::cpu::Device>());\n")
  set(source "${source}\n${planted}" PARENT_SCOPE)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/mistakes.cmake)
file(WRITE ${OUTPUT} "${source}")
