//! A tar writer whose bytes depend on nothing but its arguments: no times, no owners.

/// Appends a regular file.
pub fn file(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    member(archive, b'0', name, "", mode, content);
}

/// Appends a folder.
pub fn directory(archive: &mut Vec<u8>, name: &str) {
    member(archive, b'5', &format!("{}/", name.trim_end_matches('/')), "", 0o755, b"");
}

/// Appends a symbolic link.
pub fn symlink(archive: &mut Vec<u8>, name: &str, target: &str) {
    member(archive, b'2', name, target, 0o777, b"");
}

/// Appends a hard link.
pub fn hardlink(archive: &mut Vec<u8>, name: &str, target: &str) {
    member(archive, b'1', name, target, 0o644, b"");
}

/// Appends the two blocks of zeros that end an archive.
pub fn finish(archive: &mut Vec<u8>) {
    archive.extend([0; 2 * BLOCK]);
}

const BLOCK: usize = 512;
/// Bytes of the fields for name and link target; longer ones go into a pax header.
const NAME_BYTES: usize = 100;

fn member(archive: &mut Vec<u8>, kind: u8, name: &str, link: &str, mode: u32, content: &[u8]) {
    let long = |key, text: &str| if fits(text) { String::new() } else { record(key, text) };
    let pax = long("path", name) + &long("linkpath", link);
    if !pax.is_empty() {
        block(archive, b'x', "pax", "", 0o644, pax.as_bytes());
    }
    block(archive, kind, name, link, mode, content);
}

fn fits(text: &str) -> bool {
    text.len() <= NAME_BYTES && text.is_ascii()
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() != len {
        len = rest + len.to_string().len();
    }
    format!("{len} {key}={value}\n")
}

fn block(archive: &mut Vec<u8>, kind: u8, name: &str, link: &str, mode: u32, content: &[u8]) {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        let len = bytes.len().min(NAME_BYTES);
        header[at..at + len].copy_from_slice(&bytes[..len]);
    };
    put(0, name.as_bytes());
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend(header);
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}
