noinst_LIBRARIES += %D%/libonnxio.a
%C%_libonnxio_a_SOURCES =
