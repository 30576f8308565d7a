/// Why something could not be written.
public enum ExportError: Error, Hashable {
    /// The system refused to write the file, or to say that it will last; a file of that name is whole, old or new.
    case cannotWrite(path: String, reason: String)
    /// The format has no place for this.
    case unsupported(_ feature: String, place: String)
}
