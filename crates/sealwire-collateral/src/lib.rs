//! Endorsements from their vendors: fetched with hard caps on size and time, kept on disk, renewed ahead of expiry
//! (AT-70, AT-71).
