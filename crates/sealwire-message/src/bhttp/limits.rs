/// Limits of one message (OB-70); defaults are those of the table in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// method + scheme + authority + path, bytes
    pub control_data: usize,
    /// one field section, bytes
    pub section: usize,
    /// field lines of one section
    pub fields: usize,
    /// one field name, bytes
    pub name: usize,
    /// one field value, bytes
    pub value: usize,
    /// informational responses
    pub informational: usize,
    /// padding checked and tolerated, bytes
    pub padding: usize,
}
