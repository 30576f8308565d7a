import Foundation
import Glibc
import Testing

struct TrainCommandTests {
    private func arguments(_ data: String, _ output: String, _ more: String...) -> [String] {
        [
            "train", "--network", "dense", "--data", data, "--epochs", "2", "--batch", "16", "--seed", "1", "--output",
            output,
        ]
            + more
    }

    @Test func givesOneObjectAndAModel() throws {
        let (data, folder) = (try Folder.images(), try Folder())
        let run = try CommandRun(arguments(data.path, folder.path("m.onnx"), "--json"))
        #expect(run.status == 0, "\(run.error)")
        let object = try run.object()
        #expect(Set(object.keys) == ["epochs", "test", "parameters", "step_ms_median", "peak_rss_bytes"])
        let epochs = object["epochs"] as? [[String: Double]] ?? []
        #expect(epochs.count == 2)
        for epoch in epochs { #expect(Set(epoch.keys) == ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]) }
        #expect(Set((object["test"] as? [String: Double] ?? [:]).keys) == ["loss", "accuracy"])
        #expect(object["parameters"] as? Int == 12 * 12 * 128 + 128 + 128 * 3 + 3)
        #expect((object["peak_rss_bytes"] as? Int ?? 0) > 1 << 20)
        // Progress is plain lines where standard error is no terminal.
        let lines = run.error.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("Epoch 1/2 - 6 steps - ") == true)
        #expect(lines.last?.contains("val_accuracy: ") == true)
        #expect(folder.names == ["m.onnx"])
    }

    @Test func printsTheSummary() throws {
        let (data, folder) = (try Folder.images(), try Folder())
        let run = try CommandRun(arguments(data.path, folder.path("m.onnx")))
        #expect(run.status == 0)
        #expect(run.output.contains("Total params: 18,947"))
        #expect(run.output.contains("test accuracy"))
    }

    @Test func threadsChangeNoBit() throws {
        let (data, folder) = (try Folder.images(side: 28), try Folder())
        for network in ["lesson", "lenet5"] {
            for threads in ["1", "2"] {
                let run = try CommandRun([
                    "train", "--network", network, "--data", data.path, "--epochs", "1", "--batch", "32", "--seed", "3",
                    "--threads", threads, "--output", folder.path("\(threads).onnx"),
                ])
                #expect(run.status == 0, "\(run.error)")
            }
            #expect(try folder.bytes("1.onnx") == folder.bytes("2.onnx"))
        }
    }

    @Test(arguments: ["adam", "sgd", "momentum", "nesterov"]) func everyOptimizerLearns(optimizer: String) throws {
        let (data, folder) = (try Folder.images(), try Folder())
        let run = try CommandRun([
            "train", "--network", "dense", "--data", data.path, "--epochs", "20", "--batch", "16", "--optimizer",
            optimizer,
            "--learning-rate", optimizer == "adam" ? "0.001" : "0.01", "--output", folder.path("m.onnx"), "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        let test = try run.object()["test"] as? [String: Double] ?? [:]
        #expect((test["accuracy"] ?? 0) > 0.9)
    }

    @Test func trainsAModelFurther() throws {
        let (data, folder) = (try Folder.images(channels: 3), try Folder())
        #expect(try CommandRun(arguments(data.path, folder.path("m.onnx"))).status == 0)
        let run = try CommandRun([
            "train", "--network", folder.path("m.onnx"), "--data", data.path, "--epochs", "1", "--output",
            folder.path("n.onnx"), "--json",
        ])
        #expect(run.status == 0, "\(run.error)")
        #expect(try folder.bytes("m.onnx") != folder.bytes("n.onnx"))
        let parameters = try run.object()["parameters"] as? Int
        #expect(parameters == 12 * 12 * 3 * 128 + 128 + 128 * 3 + 3)
    }

    @Test func aLossThatIsNoNumberEndsIt() throws {
        let (data, folder) = (try Folder.images(), try Folder())
        let run = try CommandRun(arguments(data.path, folder.path("m.onnx"), "--learning-rate", "1e38"))
        #expect(run.status == 3)
        #expect(run.error.contains("the loss must stay finite"), "\(run.error)")
        #expect(folder.names.isEmpty)
    }

    @Test func whatIsWrongWithDataIsSaid() throws {
        let folder = try Folder()
        let output = folder.path("m.onnx")
        func error(_ data: Folder) throws -> String {
            let run = try CommandRun(arguments(data.path, output))
            #expect(run.status == 3)
            #expect(run.error.split(separator: "\n").count == 1)
            return run.error
        }
        #expect(try CommandRun(arguments("/nowhere", output)).error.contains("/nowhere: a folder"))
        #expect(try CommandRun(arguments("/etc/passwd", output)).status == 3)

        let missing = try Folder.images()
        try FileManager.default.removeItem(atPath: missing.path("train-labels-idx1-ubyte"))
        #expect(try error(missing).contains("*train-labels*"))

        let truncated = try Folder.images()
        try truncated.write(
            Array(truncated.bytes("train-images-idx3-ubyte").dropLast(1)), to: "train-images-idx3-ubyte")
        #expect(try error(truncated).contains("train-images-idx3-ubyte"))

        let fewer = try Folder.images()
        try fewer.write(fewer.bytes("t10k-labels-idx1-ubyte"), to: "train-labels-idx1-ubyte")
        #expect(try error(fewer).contains("one integer label an image"))

        let beyond = try Folder.images()
        var labels = try beyond.bytes("t10k-labels-idx1-ubyte")
        labels[labels.count - 1] = 9
        try beyond.write(labels, to: "t10k-labels-idx1-ubyte")
        #expect(try error(beyond).contains("a class from 0 to 2"))

        let small = try Folder.images(side: 4)
        let run = try CommandRun(["train", "--network", "lesson", "--data", small.path, "--output", output])
        #expect(run.status == 3)
        #expect(run.error.contains("window"), "\(run.error)")
        #expect(folder.names.isEmpty)
    }

    @Test func aPlaceThatCannotBeWrittenIsToldFirst() throws {
        let data = try Folder.images()
        for place in ["/nowhere/m.onnx", data.path, "/dev/null"] {
            let run = try CommandRun(arguments(data.path, place))
            #expect(run.status == 3)
            #expect(run.error.contains(place))
            #expect(!run.error.contains("Epoch"))
        }
    }

    @Test func aModelThatCannotBeReadIsAnError() throws {
        let (data, folder) = (try Folder.images(), try Folder())
        try folder.write(Array("no model".utf8), to: "bad.onnx")
        let run = try CommandRun([
            "train", "--network", folder.path("bad.onnx"), "--data", data.path, "--output", folder.path("m.onnx"),
        ])
        #expect(run.status == 3)
        #expect(run.error.contains("bad.onnx"))
        #expect(folder.names == ["bad.onnx"])
    }

    @Test func interruptionEndsItPromptly() throws {
        let (data, folder) = (try Folder.images(side: 28), try Folder())
        let process = try CommandProcess(
            [
                "train", "--network", "lesson", "--data", data.path, "--epochs", "100000", "--output",
                folder.path("m.onnx"),
            ], error: folder.opened("err"))
        for _ in 0..<3000 where try folder.bytes("err").isEmpty { usleep(20_000) }
        #expect(String(decoding: try folder.bytes("err"), as: UTF8.self).hasPrefix("Epoch 1/100000"))
        let start = ContinuousClock.now
        process.send(SIGINT)
        #expect(process.wait() == 130)
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(folder.names == ["err"])
    }

    /// A kill at any moment leaves the old file or the new one, whole.
    @Test func aKillLosesNothing() throws {
        let (data, folder) = (try Folder.images(), try Folder())
        let wanted = arguments(data.path, folder.path("m.onnx"))
        let start = Date()
        #expect(try CommandRun(wanted).status == 0)
        let whole = Date().timeIntervalSince(start)
        let new = try folder.bytes("m.onnx")
        let old = Array("what was there before".utf8)
        var kept = 0
        for attempt in 0..<24 {
            try folder.write(old, to: "m.onnx")
            let process = try CommandProcess(wanted)
            usleep(UInt32(1e6 * whole * (0.3 + 0.8 * Double(attempt) / 24)))
            process.send(SIGKILL)
            process.wait()
            let left = try folder.bytes("m.onnx")
            #expect(left == old || left == new)
            if left == old { kept += 1 }
        }
        #expect(kept > 0)
    }

    // MARK: On a terminal

    /// What a training writes to standard error when that is a terminal of 80 columns.
    private func onTerminal(environment: [String: String] = [:], columns: UInt16 = 80) throws -> String {
        let (data, folder) = (try Folder.images(side: 28), try Folder())
        // What posix_openpt, unlockpt and ptsname do, which Swift does not see.
        let controller = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (isLocked, number) = (Int32(0), UInt32(0))
        try #require(ioctl(controller, 0x4004_5431, &isLocked) == 0)
        try #require(ioctl(controller, 0x8004_5430, &number) == 0)
        let name = "/dev/pts/\(number)"
        let terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        #expect(ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)
        let process = try CommandProcess(
            [
                "train", "--network", "lesson", "--data", data.path, "--epochs", "2", "--batch", "8", "--output",
                folder.path("m.onnx"),
            ], environment: ["TERM": "xterm"].merging(environment) { $1 }, error: terminal)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(controller, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        close(controller)
        #expect(process.wait() == 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func aTerminalShowsKerasBar() throws {
        let text = try onTerminal()
        #expect(text.contains("Epoch 1/2\r\n"))
        #expect(text.contains("12/12 \u{1b}[32m━━━━━━━━━━━━━━━━━━━━\u{1b}[37m\u{1b}[0m "))
        #expect(text.contains("ms/step - accuracy: "))
        #expect(text.contains(" - val_loss: "))
        #expect(text.hasSuffix("\r\n"))
    }

    @Test func noColorIsHonoured() throws {
        let text = try onTerminal(environment: ["NO_COLOR": "1"])
        #expect(text.contains("12/12 ━━━━━━━━━━━━━━━━━━━━ "))
        #expect(!text.contains("\u{1b}"))
    }

    @Test func aDumbTerminalGetsPlainLines() throws {
        let text = try onTerminal(environment: ["TERM": "dumb"])
        #expect(text.hasPrefix("Epoch 1/2 - 12 steps - "))
    }
}
