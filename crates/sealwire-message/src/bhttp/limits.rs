/// Limits of one message (OB-70); defaults are those of the table in the specification.
///
/// The length of the content is not limited here: a known length is counted down, never allocated, and the chunk
/// limits bound what can arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// method + scheme + authority + path, bytes
    pub control_data: usize,
    /// one field section, bytes: its field lines with their length prefixes
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            control_data: 8 << 10,
            section: 64 << 10,
            fields: 256,
            name: 256,
            value: 16 << 10,
            informational: 16,
            padding: 1 << 20,
        }
    }
}
