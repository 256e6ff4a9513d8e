# The libraries, from the system or else as archives pinned by their hash.
include_guard(GLOBAL)
include(FetchContent)

# A header-only library: `target` is its CMake target, `include` the folder of its headers in the
# archive, whose own build files are not used. GLOBAL, as the stages lie beside common/, not below.
macro(header_library name target include)
  cmake_parse_arguments(library "" "VERSION;URL;SHA256" "" ${ARGN})
  FetchContent_Declare(${name}
    URL ${library_URL} URL_HASH SHA256=${library_SHA256}
    SOURCE_SUBDIR no-build-files
    FIND_PACKAGE_ARGS ${library_VERSION} GLOBAL)
  FetchContent_MakeAvailable(${name})
  if(NOT TARGET ${target})
    FetchContent_GetProperties(${name} SOURCE_DIR library_dir)
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} INTERFACE ${library_dir}/${include})
  endif()
endmacro()

header_library(Eigen3 Eigen3::Eigen . VERSION 3.4
  URL https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.gz
  SHA256 8586084f71f9bde545ee7fa6d00288b264a2b7ac3607b974e54d13e7162c1c72)
header_library(nlohmann_json nlohmann_json::nlohmann_json include VERSION 3.11
  URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
  SHA256 d6c65aca6b1ed68e7a182f4757257b107ae403032760ed6ef121c9d55e81757d)

set(INSTALL_GTEST OFF)
set(BUILD_GMOCK OFF)
FetchContent_Declare(googletest
  URL https://github.com/google/googletest/archive/refs/tags/v1.14.0.tar.gz
  URL_HASH SHA256=8ad598c73ad796e0d8280b082cebd82a630d73e73cd3c70057938a6501bba5d7
  FIND_PACKAGE_ARGS 1.11 GLOBAL NAMES GTest)
FetchContent_MakeAvailable(googletest)

find_package(Threads REQUIRED)
