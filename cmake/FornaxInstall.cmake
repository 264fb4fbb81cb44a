# cmake --install: the library, its headers, and a package for find_package(fornax CONFIG), which gives fornax::fornax.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fornax)
set(kernels_dir ${CMAKE_INSTALL_INCLUDEDIR}/fornax/kernels)
set_target_properties(fornax PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
install(TARGETS fornax EXPORT fornax_targets)
install(DIRECTORY include/fornax TYPE INCLUDE)
if(FORNAX_CUDA STREQUAL "ON") # what a kernel of the user's includes
  install(FILES cuda/device/cuda.cuh DESTINATION ${kernels_dir}/device)
  install(FILES cuda/runtime/check.h cuda/runtime/launch.h DESTINATION ${kernels_dir}/runtime)
  install(FILES cmake/FornaxCuda.cmake DESTINATION ${package_dir})
endif()
install(FILES cmake/FindLibZip.cmake cmake/FindLibHDF5.cmake DESTINATION ${package_dir}) # for those who link a static libfornax
install(FILES LICENSE TYPE DOC)
install(EXPORT fornax_targets NAMESPACE fornax:: FILE fornax-targets.cmake DESTINATION ${package_dir})

configure_package_config_file(cmake/fornax-config.cmake.in ${PROJECT_BINARY_DIR}/fornax-config.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS kernels_dir NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fornax-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fornax-config.cmake ${PROJECT_BINARY_DIR}/fornax-config-version.cmake
  DESTINATION ${package_dir})
