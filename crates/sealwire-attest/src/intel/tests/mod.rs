//! Tests under roots of their own.
