//! The RA tunnel, version 0: RA-HTTPS and RA-WSS.
