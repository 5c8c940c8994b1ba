use super::*;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt};

const AT: UnixTime = UnixTime(1_790_000_000);

fn access(name: &str) -> Access {
    Access {
        event: Event::Get,
        name: Some(name.to_owned()),
        version: Some(3),
        verdict: Some(Verdict::Delivered),
        rule: Some("db/*".to_owned()),
        accepted_by: Some("accept[0]".to_owned()),
        caller: Some(Caller::operator(&[7; 32])),
        ..START
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn hash(line: &str) -> String {
    hex::encode(sha384(&[line.as_bytes()]))
}

/// Where the chain is broken: the index of the first line that does not follow from the one before.
fn broken(lines: &[String]) -> Option<usize> {
    let follows = |(index, pair): (usize, &[String])| {
        let next: Value = serde_json::from_str(&pair[1]).unwrap();
        (next["previous"] != hash(&pair[0])).then_some(index + 1)
    };
    lines.windows(2).enumerate().find_map(follows)
}

async fn append(audit: &Audit, name: &str) -> io::Result<()> {
    let access = access(name);
    audit.in_turn(move |log| log.append(AT, &access)).await.unwrap()
}

async fn head(audit: &Audit) -> (u64, String) {
    let (entries, head) = audit.in_turn(|log| log.head()).await.unwrap();
    (entries, hex::encode(head))
}

// SE-20 (g)
#[tokio::test]
async fn a_line_says_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = Audit::open(&path, &[0xab; 16], AT).unwrap();
    append(&audit, "db/a").await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let lines = lines(&path);
    assert_eq!(lines.len(), 2);
    let (start, entry): (Value, Value) =
        (serde_json::from_str(&lines[0]).unwrap(), serde_json::from_str(&lines[1]).unwrap());
    let members = [
        "entry",
        "time",
        "instance",
        "event",
        "name",
        "version",
        "verdict",
        "rule",
        "accepted-by",
        "reasons",
        "caller",
        "previous",
    ];
    for line in [&start, &entry] {
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), members);
        assert_eq!(line["instance"], "ab".repeat(16));
        assert_eq!(line["time"], "2026-09-21T14:13:20Z");
    }
    assert_eq!(
        (&start["entry"], &start["event"], &start["name"]),
        (&1.into(), &"start".into(), &Value::Null)
    );
    assert_eq!(start["previous"], "0".repeat(96));
    assert_eq!(
        (&entry["entry"], &entry["event"], &entry["name"]),
        (&2.into(), &"get".into(), &"db/a".into())
    );
    assert_eq!((&entry["version"], &entry["verdict"]), (&3.into(), &"delivered".into()));
    assert_eq!(
        entry["caller"],
        serde_json::json!({ "operator-key": format!("ed25519:{}", "07".repeat(32)) })
    );
    assert_eq!(head(&audit).await, (2, hash(&lines[1])));
}

// SE-20 (g): what is changed, put in or taken out shows; what is cut off at the end shows in the head.
#[tokio::test]
async fn the_chain_shows_what_was_done_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = Audit::open(&path, &[1; 16], AT).unwrap();
    for name in ["a", "b", "c"] {
        append(&audit, name).await.unwrap();
    }
    let whole = lines(&path);
    assert_eq!((whole.len(), broken(&whole)), (4, None));
    for index in 1..3 {
        let mut without = whole.clone();
        without.remove(index);
        assert_eq!(broken(&without), Some(index));
        let mut twice = whole.clone();
        twice.insert(index, whole[index].clone());
        assert_eq!(broken(&twice), Some(index + 1));
        let mut changed = whole.clone();
        changed[index] = changed[index].replace("delivered", "refused");
        assert_eq!(broken(&changed), Some(index + 1));
        let mut swapped = whole.clone();
        swapped.swap(index, index + 1);
        assert!(broken(&swapped).is_some());
    }
    assert_eq!(broken(&whole[..3]), None);
    assert_ne!(head(&audit).await.1, hash(&whole[2]));
}

// SE-20 (g): another start, another file, a line that a crash has cut: the chain goes on.
#[tokio::test]
async fn the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("audit.jsonl"), folder.path().join("audit.1"));
    append(&Audit::open(&path, &[1; 16], AT).unwrap(), "a").await.unwrap();
    let audit = Audit::open(&path, &[2; 16], AT).unwrap();
    append(&audit, "b").await.unwrap();
    assert_eq!((lines(&path).len(), broken(&lines(&path))), (4, None));

    // Moved away, without a word to the gateway and with one.
    fs::rename(&path, &moved).unwrap();
    append(&audit, "c").await.unwrap();
    let other = folder.path().join("other.jsonl");
    audit.reopen(other.clone()).await.unwrap();
    append(&audit, "d").await.unwrap();
    let all = [lines(&moved), lines(&path), lines(&other)].concat();
    assert_eq!((lines(&path).len(), lines(&other).len(), all.len(), broken(&all)), (1, 1, 6, None));

    let torn = fs::read(&path).unwrap();
    fs::write(&path, &torn[..torn.len() - 10]).unwrap();
    append(&Audit::open(&path, &[3; 16], AT).unwrap(), "e").await.unwrap();
    assert_eq!((lines(&path).len(), broken(&lines(&path))), (3, None));
}

// SE-20 (g): what cannot be written for good is not written at all, and the next entry follows from the last.
#[tokio::test]
async fn an_entry_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = Audit::open(&path, &[1; 16], AT).unwrap();
    let before = head(&audit).await;
    let writable = audit
        .in_turn({
            let path = path.clone();
            move |log| std::mem::replace(&mut log.file, File::open(path).unwrap())
        })
        .await
        .unwrap();
    append(&audit, "a").await.expect_err("a file that is open for reading");
    assert_eq!((head(&audit).await, lines(&path).len()), (before, 1));
    audit.in_turn(move |log| log.file = writable).await.unwrap();
    append(&audit, "b").await.unwrap();
    assert_eq!((lines(&path).len(), broken(&lines(&path))), (2, None));
}

// SE-20 (g): what is half there after a write that failed is no place to forge what comes before it.
#[tokio::test]
async fn the_chain_goes_on_from_what_the_instance_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = Audit::open(&path, &[1; 16], AT).unwrap();
    append(&audit, "a").await.unwrap();
    let before = head(&audit).await;
    audit.in_turn(|log| log.is_torn = true).await.unwrap();
    // The host takes the chance to tell another story, up to the line that is half there.
    let forged = fs::read_to_string(&path).unwrap().replace("delivered", "refused");
    fs::write(&path, format!("{forged}{{\"entry\":3")).unwrap();
    append(&audit, "b").await.unwrap();
    let lines = lines(&path);
    assert_eq!((lines.len(), lines[2].as_str()), (4, "{\"entry\":3"));
    let entry: Value = serde_json::from_str(&lines[3]).unwrap();
    assert_eq!((&entry["entry"], entry["previous"].as_str().unwrap()), (&3.into(), before.1.as_str()));
    assert_ne!(hash(&lines[1]), before.1);
}

// SE-20 (g)
#[tokio::test]
async fn a_file_that_is_gone_is_made_again_or_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = Audit::open(&path, &[1; 16], AT).unwrap();
    let before = head(&audit).await;
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    append(&audit, "a").await.expect_err("a folder");
    assert_eq!(head(&audit).await, before);
    fs::remove_dir(&path).unwrap();
    append(&audit, "b").await.unwrap();
    let entry: Value = serde_json::from_str(&lines(&path)[0]).unwrap();
    assert_eq!((&entry["entry"], entry["previous"].as_str().unwrap()), (&2.into(), before.1.as_str()));
}

// SE-20 (g)
#[test]
fn only_files_are_written_to() {
    let folder = tempfile::tempdir().unwrap();
    for path in [Path::new("/dev/null"), folder.path(), &folder.path().join("absent/audit.jsonl")] {
        assert!(Audit::open(path, &[1; 16], AT).is_err(), "{}", path.display());
    }
}
