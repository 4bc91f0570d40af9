noinst_LIBRARIES += %D%/libevolve.a
%C%_libevolve_a_SOURCES =
