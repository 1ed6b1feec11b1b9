//! Names at sign-in.

/// A login as it is stored: small letters, nothing around it.
///
/// # Errors
/// What it may consist of.
pub fn read(text: &str) -> Result<String, String> {
    let login = text.trim().to_lowercase();
    let fit = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    if login.is_empty() || login.len() > 64 || !login.chars().all(fit) {
        return Err(format!(
            "login {login:?}: use 1 to 64 letters, digits and . _ - @"
        ));
    }
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_one_word() {
        assert_eq!(read(" Li.Min@T7 ").unwrap(), "li.min@t7");
        for wrong in ["", "li min", "li\nmin", "<li>", &"x".repeat(65)] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
